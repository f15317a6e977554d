//! Which layers a build left on the engine: a small file for each, so that they can be taken away when nobody builds on
//! them any more, and a stranger's never are.
//!
//! The engine's builder keeps an image without a name for every step. It is the cache of the next build, and it bears no
//! label.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use crate::domain::{BuildId, SpaceId};

/// What a build under way has left so far.
#[derive(Debug)]
pub(super) struct Recorder {
    file: File,
    seen: HashSet<String>,
    /// Those that were not in the cache.
    steps: Arc<Mutex<Vec<String>>>,
    from_cache: bool,
}

/// What a build left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) path: PathBuf,
    /// `None` for a file that is no record.
    pub(super) build: Option<BuildId>,
    /// Whose build it was.
    pub(super) space: Option<SpaceId>,
    /// When it began, in milliseconds: images that are older were there before.
    pub(super) began: i64,
    /// When it was last written to, in milliseconds.
    pub(super) written: i64,
    /// The image it made, once it had.
    pub(super) image: Option<String>,
    /// The first digits of the ids of its steps, in order, those found in the cache among them.
    pub(super) steps: Vec<String>,
    /// What commands left: what each is remembered by, and the id of an image.
    pub(super) ran: Vec<(String, String)>,
}

/// Steps of one build that are remembered: more than are made of a Dockerfile.
const MOST: usize = 4000;
/// Digits that the engine shows of an id.
const SHORT: usize = 12;

/// The first digits of an id.
fn short(id: &str) -> &str {
    let digits = id.trim_start_matches("sha256:");
    &digits[..digits.len().min(SHORT)]
}

// === impl Recorder ===

impl Recorder {
    /// A new record in `folder`.
    pub(super) fn new(folder: &Path, build: BuildId, space: SpaceId) -> io::Result<Self> {
        let path = folder.join(build.to_string());
        let mut file = File::options().create(true).append(true).open(path)?;
        // What an earlier attempt left is of this build too.
        if file.metadata()?.len() == 0 {
            writeln!(file, "began {}\nspace {space}", millis(SystemTime::now()))?;
        }
        Ok(Self {
            file,
            seen: HashSet::new(),
            steps: Arc::default(),
            from_cache: false,
        })
    }

    /// The steps up to now, in order, that were not found in the cache, for others to see.
    pub(super) fn steps(&self) -> Arc<Mutex<Vec<String>>> {
        Arc::clone(&self.steps)
    }

    /// Notes what the engine says after a step, ` ---> ID`.
    pub(super) fn line(&mut self, text: &str) {
        let Some(id) = text.strip_prefix(" ---> ").map(str::trim_end) else {
            return;
        };
        let from_cache = std::mem::replace(&mut self.from_cache, id == "Using cache");
        if id.len() == SHORT && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            self.step(id, from_cache);
        }
    }

    /// Notes the image that a part of the build ended with, by its whole id.
    pub(super) fn part(&mut self, id: &str) {
        self.step(short(id), false);
    }

    /// Notes what a command left, by what the command is remembered by.
    pub(super) fn ran(&mut self, key: &str, id: &str, from_cache: bool) {
        self.step(short(id), from_cache);
        self.write(&format!("ran {key} {id}"));
    }

    fn step(&mut self, id: &str, from_cache: bool) {
        if self.seen.len() < MOST && self.seen.insert(id.to_owned()) {
            self.write(&format!("step {id}"));
            if !from_cache {
                let mut steps = self.steps.lock();
                steps.push(id.to_owned());
            }
        }
    }

    /// Notes the image that came of it.
    pub(super) fn image(&mut self, id: &str) {
        self.write(&format!("image {id}"));
    }

    fn write(&mut self, line: &str) {
        // Without it, an image without a name may stay on the engine for ever; no reason to fail the build.
        if let Err(error) = writeln!(self.file, "{line}") {
            tracing::warn!(%error, "what a build leaves on the container engine could not be recorded");
        }
    }
}

// === impl Record ===

impl Record {
    /// All records in `folder`.
    pub(super) fn all(folder: &Path) -> io::Result<Vec<Self>> {
        let mut records = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            let text = fs::read_to_string(&path)?;
            let written = millis(entry.metadata()?.modified()?);
            records.push(Self::parse(path, &text, written));
        }
        Ok(records)
    }

    /// What the commands of all builds left: ids of images, by what a command is remembered by.
    pub(super) fn ran(folder: &Path) -> HashMap<String, Vec<String>> {
        let mut all: HashMap<String, Vec<String>> = HashMap::new();
        for record in Self::all(folder).unwrap_or_default() {
            for (key, id) in record.ran {
                all.entry(key).or_default().push(id);
            }
        }
        all
    }

    /// The last build of each Space, by when they began.
    pub(super) fn newest<'a>(
        records: impl IntoIterator<Item = &'a Self>,
    ) -> HashMap<SpaceId, &'a Self> {
        let mut newest: HashMap<SpaceId, &Self> = HashMap::new();
        for record in records {
            if let Some(space) = record.space {
                let known = newest.entry(space).or_insert(record);
                if known.began < record.began {
                    *known = record;
                }
            }
        }
        newest
    }

    fn parse(path: PathBuf, text: &str, written: i64) -> Self {
        let name = path.file_name().and_then(|name| name.to_str());
        let mut record = Self {
            build: name.and_then(|name| name.parse().ok()),
            space: None,
            began: i64::MAX,
            written,
            image: None,
            steps: Vec::new(),
            ran: Vec::new(),
            path,
        };
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("began", at)) => record.began = at.parse().unwrap_or(i64::MAX),
                Some(("space", id)) => record.space = id.parse().ok(),
                Some(("image", id)) => record.image = Some(id.to_owned()),
                Some(("step", id)) => record.steps.push(id.to_owned()),
                Some(("ran", ran)) => {
                    let ran = ran.split_once(' ');
                    record
                        .ran
                        .extend(ran.map(|(key, id)| (key.to_owned(), id.to_owned())));
                }
                _ => {}
            }
        }
        record
    }
}

/// Milliseconds since 1970.
pub(super) fn millis(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let (build, space) = (BuildId::new(), SpaceId::new());
        let mut recorder = Recorder::new(folder.path(), build, space).expect("a file");
        for line in [
            "Step 1/4 : FROM a\n",
            " ---> 0123456789ab\n",
            "Step 2/4 : COPY a b\n",
            " ---> Using cache\n",
            " ---> ba9876543210\n",
            " ---> ba9876543210\n",
            " ---> ../../etc/pas\n",
        ] {
            recorder.line(line);
        }
        recorder.ran("key", "sha256:aaaaaaaaaaaabbbb", false);
        let own = ["0123456789ab", "aaaaaaaaaaaa"];
        assert_eq!(*recorder.steps().lock(), own);
        recorder.image("sha256:00");
        let records = Record::all(folder.path()).expect("readable");
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].build, Some(build));
        assert_eq!(records[0].space, Some(space));
        assert_eq!(records[0].image.as_deref(), Some("sha256:00"));
        assert_eq!(
            records[0].steps,
            ["0123456789ab", "ba9876543210", "aaaaaaaaaaaa"]
        );
        let ran = [("key".to_owned(), "sha256:aaaaaaaaaaaabbbb".to_owned())];
        assert_eq!(records[0].ran, ran);
        assert!(records[0].began > 0 && records[0].began < i64::MAX);
    }
}

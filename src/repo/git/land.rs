//! Making a push visible: its objects get their names, then its references move, under the repository's lock.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::commands::Update;
use super::pktline;
use super::receive::Push;
use crate::domain::{DiskAmount, RepoUid, Revision, size_text};
use crate::ledger::DiskUse;
use crate::repo::commit::revision;
use crate::repo::durable::sync_folder;
use crate::repo::refs::too_many_refs;
use crate::repo::{MAIN, Repo, RepoError, Repos};

/// Up to this many objects are synced one by one; beyond, one sync of the whole file system costs less.
const SYNC_ONE_BY_ONE: usize = 64;

/// A push that was made visible, all or some of it.
#[derive(Debug)]
pub struct Landed {
    /// Each reference, and why it did not change, if it did not.
    updates: Vec<(Update, Option<String>)>,
    side_band: bool,
    /// Where `main` is, when the push moved it.
    pub head: Option<Revision>,
    /// Where it was before.
    pub before: Option<Revision>,
}

// === impl Repos ===

impl Repos {
    /// Makes a push visible. A reference that is no longer where the client believed it to be stays where it is; the
    /// others change all the same, as git has it.
    ///
    /// # Errors
    /// `NoRepository`, and of the disk.
    pub async fn land_push(&self, id: RepoUid, push: Push) -> Result<Landed, RepoError> {
        self.change(id, move |repo| land(repo, id, push)).await
    }
}

fn land(repo: &Repo, id: RepoUid, mut push: Push) -> Result<Landed, RepoError> {
    match take_objects(repo, id, &mut push) {
        Err(
            error @ (RepoError::TooLarge(_)
            | RepoError::Refused(_)
            | RepoError::OverQuota(_)
            | RepoError::DiskFull),
        ) => {
            let text = error.to_string();
            let same = |update| (update, Some(text.clone()));
            return Ok(Landed {
                updates: push.updates.into_iter().map(same).collect(),
                side_band: push.side_band,
                head: None,
                before: None,
            });
        }
        taken => taken?,
    }
    let mut room = repo.room_for_refs()?;
    let main = format!("refs/heads/{MAIN}");
    let mut updates = push.updates;
    // The branch that is published moves last, when all else is in place.
    updates.sort_by_key(|update| update.name == main);
    let (mut head, mut before) = (None, None);
    let mut done = Vec::with_capacity(updates.len());
    for update in updates {
        let is_new = update.old.is_none() && update.new.is_some();
        let changed = if is_new && room == 0 {
            Err(too_many_refs())
        } else {
            change(repo, &update)
        };
        let problem = match changed {
            Ok(()) => {
                room -= usize::from(is_new);
                None
            }
            Err(RepoError::Conflict { .. }) => Some("it has moved; fetch first".to_owned()),
            Err(error @ (RepoError::Taken(_) | RepoError::Refused(_) | RepoError::DiskFull)) => {
                Some(error.to_string())
            }
            Err(error) => return Err(error),
        };
        if problem.is_none() && update.name == main {
            head = repo.head()?;
            before = update.old.map(revision).transpose()?;
        }
        done.push((update, problem));
    }
    Ok(Landed {
        updates: done,
        side_band: push.side_band,
        head,
        before,
    })
}

/// Makes what the push brings the repository's own; no reference leads to it yet.
fn take_objects(repo: &Repo, id: RepoUid, push: &mut Push) -> Result<(), RepoError> {
    // Nor does it matter then how much there is.
    if push.only_removes() {
        return Ok(());
    }
    let is_new = |update: &&Update| update.old.is_none() && update.new.is_some();
    let references = push.updates.iter().filter(is_new);
    let mut written = references
        .map(|update| repo.reference_amount(&update.name))
        .sum::<DiskAmount>();
    if let Some(quarantine) = &push.quarantine {
        let objects = new_objects(&quarantine.folder.join("objects"))?;
        let bytes: u64 = objects.iter().map(|object| object.bytes).sum();
        if repo.disk_bytes()?.saturating_add(bytes) > repo.limits.repo_bytes {
            return Err(RepoError::TooLarge(format!(
                "the repository with its history would be larger than the {} allowed",
                size_text(repo.limits.repo_bytes)
            )));
        }
        let files = objects.iter().map(|object| DiskAmount::file(object.bytes));
        written = written + files.sum();
        push.room.reach(written)?;
        publish(&quarantine.folder, &repo.folder.join("objects"), &objects)?;
    }
    push.room.reach(written)?;
    push.room.keep(DiskUse::Repository(id), written);
    // They were there when the push was looked at, and go only after a day.
    for id in &push.large {
        if repo.large(id)?.is_none() {
            return Err(RepoError::Refused(format!(
                "the large file {id} does not exist any more; push again"
            )));
        }
    }
    repo.settle_large(&push.large)
}

fn change(repo: &Repo, update: &Update) -> Result<(), RepoError> {
    let mut target = repo.ref_target(&update.name)?;
    let begins = update.old.is_none() && update.name == format!("refs/heads/{MAIN}");
    let replaced = match target {
        // It was not told of to whoever pushes.
        Some(first) if begins && repo.is_first_commit(first)? => target.take(),
        _ => None,
    };
    if target != update.old {
        return Err(RepoError::Conflict {
            expected: None,
            actual: None,
        });
    }
    match update.new {
        Some(new) => {
            if update.old.is_none() && replaced.is_none() {
                repo.is_free(&update.name, update.short_name())?;
            }
            repo.set_ref(&update.name, new)
        }
        None if update.old.is_some() => repo.remove_ref(&update.name, update.short_name()),
        None => Ok(()),
    }
}

struct NewObject {
    /// `ab/cdef…`
    name: PathBuf,
    bytes: u64,
}

fn new_objects(folder: &Path) -> io::Result<Vec<NewObject>> {
    let mut objects = Vec::new();
    for letters in fs::read_dir(folder)? {
        let letters = letters?;
        // Beside objects there are `info` and `pack`.
        if letters.file_name().len() != 2 {
            continue;
        }
        for object in fs::read_dir(letters.path())? {
            let object = object?;
            objects.push(NewObject {
                name: Path::new(&letters.file_name()).join(object.file_name()),
                bytes: object.metadata()?.len(),
            });
        }
    }
    Ok(objects)
}

/// Gives the objects their names in the repository, once all their bytes are on disk.
fn publish(quarantine: &Path, to: &Path, objects: &[NewObject]) -> Result<(), RepoError> {
    let from = quarantine.join("objects");
    if objects.len() > SYNC_ONE_BY_ONE {
        rustix::fs::syncfs(File::open(&from)?).map_err(io::Error::from)?;
    } else {
        for object in objects {
            File::open(from.join(&object.name))?.sync_all()?;
        }
    }
    let mut folders = std::collections::BTreeSet::new();
    for object in objects {
        let target = to.join(&object.name);
        if let Some(folder) = target.parent()
            && folders.insert(folder.to_owned())
        {
            fs::create_dir_all(folder)?;
        }
        // One that has come by another way meanwhile is the same.
        fs::rename(from.join(&object.name), &target)?;
    }
    for folder in &folders {
        sync_folder(folder)?;
    }
    sync_folder(to)?;
    Ok(())
}

// === impl Landed ===

impl Landed {
    /// A branch other than the published one that the push made or moved, unless it moved that one too.
    pub fn unpublished_branch(&self) -> Option<&str> {
        let landed = |(update, problem): &&(Update, Option<String>)| {
            update.is_branch() && update.new.is_some() && problem.is_none()
        };
        let mut branches = self.updates.iter().filter(landed).map(|(update, _)| update);
        let first = branches.clone().next()?;
        let is_other = branches.all(|update| update.short_name() != MAIN);
        is_other.then(|| first.short_name())
    }

    /// The answer that git reads, with text for whoever pushes.
    pub fn report(&self, text: &str) -> Vec<u8> {
        let mut report = Vec::new();
        pktline::push(&mut report, b"unpack ok\n");
        for (Update { name, .. }, problem) in &self.updates {
            let output = match problem {
                None => format!("ok {name}\n"),
                Some(problem) => format!("ng {name} {}\n", one_line(problem)),
            };
            pktline::push(&mut report, output.as_bytes());
        }
        answer(report, self.side_band, text)
    }
}

// === impl Push ===

impl Push {
    /// The answer when nothing of it is to land, and why.
    pub fn refused(&self, problem: &str) -> Vec<u8> {
        let names: Vec<_> = self
            .updates
            .iter()
            .map(|update| update.name.clone())
            .collect();
        Self::refusal(self.side_band, &names, problem, "")
    }

    /// The answer to a push that was refused as a whole, with text for whoever pushes.
    pub fn refusal(side_band: bool, names: &[String], problem: &str, text: &str) -> Vec<u8> {
        let mut report = Vec::new();
        pktline::push(&mut report, b"unpack ok\n");
        for name in names {
            pktline::push(
                &mut report,
                format!("ng {name} {}\n", one_line(problem)).as_bytes(),
            );
        }
        answer(report, side_band, text)
    }
}

fn answer(mut report: Vec<u8>, side_band: bool, text: &str) -> Vec<u8> {
    report.extend_from_slice(pktline::FLUSH);
    if !side_band {
        return report;
    }
    let mut answer = Vec::new();
    if !text.is_empty() {
        pktline::push_band(&mut answer, 2, format!("{}\n", text.trim_end()).as_bytes());
    }
    pktline::push_band(&mut answer, 1, &report);
    answer.extend_from_slice(pktline::FLUSH);
    answer
}

/// Text as it may stand in a report: one line, not long.
fn one_line(text: &str) -> String {
    let line: String = text
        .chars()
        .take(500)
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    line.trim().to_owned()
}

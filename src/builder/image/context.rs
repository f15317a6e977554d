//! The build context: a Space's files as a tar archive, made while it is sent.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::dockerfile::{DOCUMENTS, Sent};
use super::ignore::Ignore;
use crate::domain::{DiskAmount, Revision, SpaceId};
use crate::ledger::Refused;
use crate::repo::{CheckoutLimits, Repo, RepoError, Repos, Walked};

/// What goes into a context.
#[derive(Debug)]
pub(super) struct Context {
    /// The folder in the archive that the Space's files go into; empty for its root.
    pub(super) folder: &'static str,
    /// Files beside those of the Space, with their paths in the archive.
    pub(super) beside: Vec<(String, Vec<u8>)>,
    /// What stays behind.
    pub(super) ignore: Ignore,
    /// How much there may be.
    pub(super) limits: CheckoutLimits,
}

/// The path of what the engine builds from. No file of a Space has it there.
pub(super) const DOCKERFILE: &str = ".glasshouse.Dockerfile";
/// What it says is applied here. The engine reads it once more, to take files away that were sent for itself alone.
const IGNORE: &str = ".dockerignore";

/// Bytes of a `.dockerignore` that is read.
pub(super) const MAX_IGNORE: u64 = 1 << 20;
/// Bytes handed over at once.
const CHUNK: usize = 64 << 10;
/// Chunks that wait for the engine.
const WAITING: usize = 8;

// === impl Context ===

impl Context {
    /// What is sent for the engine, under the author's eyes or not: what it builds from, and the list of what it takes away
    /// before it builds. `own` is the author's list, if it is part of the files.
    fn for_engine(dockerfile: String, own: Option<Vec<u8>>) -> [(&'static str, Vec<u8>); 2] {
        let list = match own {
            Some(mut list) => {
                let more = format!("\n!{DOCUMENTS}\n!{DOCUMENTS}/**\n{DOCKERFILE}\n");
                list.extend_from_slice(more.as_bytes());
                list
            }
            None => format!("{DOCKERFILE}\n{IGNORE}\n").into_bytes(),
        };
        [(DOCKERFILE, dockerfile.into_bytes()), (IGNORE, list)]
    }

    /// Whether a path of the context is of a file for the engine.
    pub(super) fn is_for_engine(path: &str) -> bool {
        [DOCKERFILE, IGNORE, DOCUMENTS].iter().any(|file| {
            let below = path.strip_prefix(file);
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        })
    }

    /// Goes through the Space's files, if any is sent.
    pub(super) fn walk(
        &self,
        repo: &Repo,
        revision: &Revision,
        sent: &Sent,
        mut each: impl FnMut(&str, Walked) -> Result<(), RepoError>,
    ) -> Result<(), RepoError> {
        match sent.paths.is_empty() {
            true => Ok(()),
            false => repo.walk(revision, self.limits, |path, found| {
                each(path.as_str(), found)
            }),
        }
    }

    /// Begins to read; `dockerfile` is what the engine builds from, and what of the context it copies is `sent`. Room for
    /// all of the Space's files that go there is reserved before any. The stream ends with an error where reading did, and the handle says which; whoever drops the
    /// stream ends the reading.
    pub(super) fn send(
        self: &Arc<Self>,
        dockerfile: String,
        sent: Sent,
        repos: &Repos,
        space: SpaceId,
        revision: Revision,
        reserve: impl FnOnce(DiskAmount) -> Result<(), Refused> + Send + 'static,
    ) -> (
        impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        JoinHandle<Result<(), RepoError>>,
    ) {
        let (sender, mut receiver) = mpsc::channel(WAITING);
        let repos = repos.clone();
        let this = Arc::clone(self);
        let reading = tokio::spawn(async move {
            let chunks = Chunks {
                sender: sender.clone(),
                buffer: BytesMut::new(),
            };
            // The engine takes it as it likes; builds are few enough.
            let read = repos.read_slowly(space, move |repo| {
                let goes = |path: &str, target: &str| {
                    sent.has(target) && !this.ignore.ignores(path) && !Self::is_for_engine(target)
                };
                let mut amount = DiskAmount::default();
                this.walk(repo, &revision, &sent, |path, found| {
                    if let Walked::File { size, .. } = found
                        && goes(path, &format!("{}{path}", this.folder))
                    {
                        amount = amount + DiskAmount::new(size, 1);
                    }
                    Ok(())
                })?;
                reserve(amount)?;
                let mut tar = tar::Builder::new(chunks);
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                let now = now.map_or(0, |since| since.as_secs());
                let own = match this.folder.is_empty() && !this.ignore.ignores(IGNORE) {
                    true => repo.read(&revision, IGNORE, MAX_IGNORE).ok(),
                    false => None,
                };
                for (path, content) in Self::for_engine(dockerfile, own) {
                    let mut header = header(content.len() as u64, 0o644, now);
                    tar.append_data(&mut header, path, content.as_slice())?;
                }
                for (path, content) in &sent.documents {
                    let is_folder = path.ends_with('/');
                    let usual = if is_folder { 0o755 } else { 0o644 };
                    let mode = sent.mode.unwrap_or(usual);
                    let mut header = header(content.len() as u64, mode, now);
                    if is_folder {
                        header.set_entry_type(tar::EntryType::Directory);
                    }
                    tar.append_data(&mut header, path, content.as_bytes())?;
                }
                for (path, content) in this.beside.iter().filter(|(path, _)| sent.has(path)) {
                    let mode = sent.mode.unwrap_or(0o644);
                    let mut header = header(content.len() as u64, mode, now);
                    tar.append_data(&mut header, path, content.as_slice())?;
                }
                this.walk(repo, &revision, &sent, |path, found| {
                    let Walked::File {
                        oid,
                        size,
                        executable,
                    } = found
                    else {
                        return Ok(());
                    };
                    let target = format!("{}{path}", this.folder);
                    if !goes(path, &target) {
                        return Ok(());
                    }
                    let own = if executable { 0o755 } else { 0o644 };
                    let mut header = header(size, sent.mode.unwrap_or(own), now);
                    tar.append_data(&mut header, target, repo.blob(&oid)?)?;
                    Ok(())
                })?;
                tar.into_inner()?.flush()?;
                Ok(())
            });
            let read = read.await;
            if read.is_err() {
                // Without it the engine would take what there is for the whole.
                let broken = io::Error::other("the Space's files could not be read");
                let _ = sender.send(Err(broken)).await;
            }
            read
        });
        (poll_fn(move |context| receiver.poll_recv(context)), reading)
    }
}

fn header(size: u64, mode: u32, now: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(now);
    header
}

/// Collects what is written and hands it over in chunks; waits while the engine is behind.
struct Chunks {
    sender: mpsc::Sender<io::Result<Bytes>>,
    buffer: BytesMut,
}

// === impl Chunks ===

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = self.buffer.split().freeze();
        self.sender
            .blocking_send(Ok(chunk))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read;

    use futures_util::StreamExt;

    use super::*;
    use crate::domain::AccountId;
    use crate::ledger::{Ledger, LedgerLimits};
    use crate::repo::{CommitRequest, Operation, RepoLimits};

    /// The files of a context over a Space with `files`.
    async fn sent(context: Context, files: &[(&str, &[u8])]) -> BTreeMap<String, Vec<u8>> {
        let all = Sent {
            paths: vec![String::new()],
            ..Sent::default()
        };
        sent_of(context, all, files).await
    }

    /// Of these what a piece copies.
    async fn sent_of(
        context: Context,
        sent: Sent,
        files: &[(&str, &[u8])],
    ) -> BTreeMap<String, Vec<u8>> {
        let folder = tempfile::tempdir().expect("a folder");
        let repos = Repos::new(folder.path().join("repos"), RepoLimits::default()).expect("repos");
        let space = SpaceId::new();
        let owner = AccountId::new();
        let ledger = Ledger::new(LedgerLimits::default());
        let prepared = repos.prepare(ledger.reserve_disk(owner)).await;
        let prepared = prepared.expect("a repository");
        repos.create(space, prepared).await.expect("its name");
        let mut spool = repos.spool(ledger.reserve_disk(owner)).expect("a spool");
        let operations = files.iter().map(|(path, bytes)| Operation::Put {
            path: path.parse().expect("a path"),
            content: spool.put(bytes).expect("room"),
        });
        let request = CommitRequest {
            operations: operations.collect(),
            branch: "main".into(),
            parent: None,
            title: String::new(),
            description: String::new(),
            author: "ann".into(),
            spool,
        };
        let revision = repos.commit(space, request).await.expect("a commit");
        let (stream, reading) =
            Arc::new(context).send("FROM scratch".into(), sent, &repos, space, revision, |_| {
                Ok(())
            });
        let mut stream = std::pin::pin!(stream);
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk.expect("readable"));
        }
        reading.await.expect("no panic").expect("readable");
        let mut found = BTreeMap::new();
        for entry in tar::Archive::new(bytes.as_slice())
            .entries()
            .expect("an archive")
        {
            let mut entry = entry.expect("an entry");
            let path = entry.path().expect("a path").display().to_string();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("readable");
            found.insert(path, content);
        }
        found
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_context_holds_the_files_and_what_is_beside_them() {
        let long = format!("{}/{}.txt", "d".repeat(120), "f".repeat(120));
        let large = vec![7_u8; 3 * CHUNK + 1];
        let files: [(&str, &[u8]); 4] = [
            ("app.py", b"print(1)"),
            ("secret.txt", b"open sesame"),
            (&long, b"long"),
            ("large.bin", &large),
        ];
        let limits = CheckoutLimits {
            files: 100,
            bytes: 1 << 20,
        };
        let beside = Context {
            folder: "app/",
            beside: vec![("setup/packages.txt".into(), b"ffmpeg".to_vec())],
            ignore: Ignore::default(),
            limits,
        };
        let found = sent(beside, &files).await;
        assert_eq!(found.len(), 7);
        assert_eq!(found["setup/packages.txt"], b"ffmpeg");
        assert_eq!(found[DOCKERFILE], b"FROM scratch");
        assert_eq!(found["app/large.bin"], large);
        assert_eq!(found[&format!("app/{long}")], b"long");

        let ignoring = Context {
            folder: "",
            beside: Vec::new(),
            ignore: Ignore::parse("*\n!large.bin"),
            limits,
        };
        let found = sent(ignoring, &files).await;
        assert_eq!(
            found.into_keys().collect::<Vec<_>>(),
            [".dockerignore", DOCKERFILE, "large.bin"]
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn only_what_is_copied_is_sent() {
        let files: [(&str, &[u8]); 4] = [
            ("a/x", b"x"),
            ("a/y/z", b"z"),
            ("ab", b"ab"),
            (".dockerignore", b"# none"),
        ];
        for (paths, expected) in [
            (vec![], vec![]),
            (vec!["app/a/y"], vec!["app/a/y/z"]),
            (vec!["app/ab", "setup"], vec!["app/ab", "setup/list"]),
        ] {
            let context = Context {
                folder: "app/",
                beside: vec![("setup/list".into(), b"ffmpeg".to_vec())],
                ignore: Ignore::default(),
                limits: CheckoutLimits {
                    files: 100,
                    bytes: 1 << 20,
                },
            };
            let sent = Sent {
                paths: paths.into_iter().map(str::to_owned).collect(),
                ..Sent::default()
            };
            let found = sent_of(context, sent, &files).await;
            let found = found.keys().map(String::as_str);
            let of_space: Vec<&str> = found
                .filter(|path| ![DOCKERFILE, IGNORE].contains(path))
                .collect();
            assert_eq!(of_space, expected);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_file_of_a_space_takes_the_place_of_what_the_engine_reads() {
        let below = format!("{DOCKERFILE}/x");
        let other = format!("{DOCKERFILE}.old");
        for place in [DOCKERFILE, &below] {
            let context = Context {
                folder: "",
                beside: Vec::new(),
                ignore: Ignore::parse("# none"),
                limits: CheckoutLimits {
                    files: 100,
                    bytes: 1 << 20,
                },
            };
            let files: [(&str, &[u8]); 3] = [
                (place, b"FROM other"),
                (&other, b"here"),
                (".dockerignore", b"# none"),
            ];
            let found = sent(context, &files).await;
            assert_eq!(found[DOCKERFILE], b"FROM scratch");
            assert_eq!(found[&other], b"here");
            let list = format!("# none\n!{DOCUMENTS}\n!{DOCUMENTS}/**\n{DOCKERFILE}\n");
            assert_eq!(found[".dockerignore"], list.as_bytes());
            assert_eq!(found.len(), 3);
        }
    }
}

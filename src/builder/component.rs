//! Compiles WebAssembly in a process of its own, and keeps the native code under seal.

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use sha2::{Digest, Sha256};

use super::guest::abi_of;
use super::holds::Hold;
use super::process::{self, Run};
use super::worker::{Order, too_large};
use super::{BuildRequest, Builder, Inner, disk_error, repo_error};
use crate::domain::{ArtifactKind, BuildError, DiskAmount, GuestAbi, Revision, SpaceId, size_text};
use crate::ledger::Lane;
use crate::repo::{Repo, RepoError};
use crate::wasm_engine::seal::{open_sealed, seal, seal_path};

/// The WebAssembly of a revision, as it lies in its repository.
pub(super) struct Source {
    oid: String,
    bytes: u64,
    abi: GuestAbi,
    /// Of the WebAssembly and the engine's profile: the name of the native code.
    pub(super) digest: String,
}

// === impl Inner ===

impl Inner {
    pub(super) async fn component(
        self: &Arc<Self>,
        request: &BuildRequest,
        hold: &Hold,
        app_file: &str,
    ) -> Result<ArtifactKind, BuildError> {
        let log = &request.log;
        let about = |error: BuildError| BuildError {
            message: format!("{app_file}: {}", error.message),
            ..error
        };
        let reading = self.turn(request, Lane::Files, 0).await?;
        let source = self.source(request.space, &request.revision, app_file);
        let source = source.await?.map_err(about)?;
        let digest = source.digest.clone();
        hold.add(&digest);
        log.line(&format!(
            "{app_file} is {} of WebAssembly, {}.",
            size_text(source.bytes),
            match source.abi {
                GuestAbi::Http => "a component",
                GuestAbi::Command => "a core module: a command, run once per request",
            }
        ));
        if request.cached
            && self
                .blocking(|inner, digest| inner.reuse(digest), &digest)
                .await
        {
            log.line("An earlier build compiled the same file; its native code is reused.");
            let abi = source.abi;
            return Ok(ArtifactKind::Component { digest, abi });
        }
        drop(reading);
        let _permit = self.turn(request, Lane::Wasm, 0).await?;
        let began = Instant::now();
        let (abi, code) = self.compile(request, source).await.map_err(about)?;
        log.line(&format!(
            "Compiled in {:.1} s, to {} of native code.",
            began.elapsed().as_secs_f64(),
            size_text(code)
        ));
        Ok(ArtifactKind::Component { digest, abi })
    }

    /// Reads the app's file. The inner error is about the file.
    pub(super) async fn source(
        self: &Arc<Self>,
        space: SpaceId,
        revision: &Revision,
        app_file: &str,
    ) -> Result<Result<Source, BuildError>, BuildError> {
        let (inner, revision, path) = (Arc::clone(self), revision.clone(), app_file.to_owned());
        let copied = self
            .repos
            .read(space, move |repo| inner.inspect(repo, &revision, &path));
        copied.await.map_err(repo_error)
    }

    fn inspect(
        &self,
        repo: &Repo,
        revision: &Revision,
        path: &str,
    ) -> Result<Result<Source, BuildError>, RepoError> {
        let most = self.config.compile.module_bytes;
        let facts = repo.file(revision, path)?;
        if facts.size > most {
            return Ok(Err(too_large(most)));
        }
        let mut reader = repo.blob(&facts.oid)?;
        let mut hasher = Sha256::new();
        hasher.update(self.config.profile.as_bytes());
        let mut head = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = reader.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            let part = &buffer[..count];
            head.extend_from_slice(&part[..count.min(HEAD.saturating_sub(head.len()))]);
            hasher.update(part);
        }
        let abi = match abi_of(&head) {
            Ok(abi) => abi,
            Err(error) => return Ok(Err(error)),
        };
        Ok(Ok(Source {
            oid: facts.oid,
            bytes: facts.size,
            abi,
            digest: hex::encode(hasher.finalize()),
        }))
    }

    /// Whether native code of that digest is there and its seal holds.
    fn reuse(&self, digest: &str) -> bool {
        let path = self.code_path(digest);
        let _places = self.places();
        match open_sealed(&self.config.seal, &self.config.profile, &path) {
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => {
                tracing::warn!(%error, digest, "Compiled code has changed since it was sealed; it is compiled again.");
                false
            }
        }
    }

    /// Compiles, seals and puts in place. Returns the world and the size of the native code in bytes.
    async fn compile(
        self: &Arc<Self>,
        request: &BuildRequest,
        source: Source,
    ) -> Result<(GuestAbi, u64), BuildError> {
        let (inner, oid) = (Arc::clone(self), source.oid);
        let (turns, module) = (request.turns.clone(), DiskAmount::file(source.bytes));
        // Only for those whose turn it is: whoever waits takes no disk.
        let copied = self.repos.read(request.space, move |repo| {
            turns.reserve_disk(module)?;
            let scratch = inner.scratch_folder()?;
            let path = scratch.path().join("source.wasm");
            io::copy(&mut repo.blob(&oid)?, &mut File::create_new(&path)?)?;
            Ok((File::open(path)?, scratch))
        });
        let (file, scratch) = copied.await.map_err(repo_error)?;
        let limits = self.config.compile;
        let order = Order {
            cpu_seconds: limits.cpu_seconds,
            memory_bytes: limits.memory_bytes,
            output_bytes: limits.output_bytes,
            module_bytes: limits.module_bytes,
            guest_memory_bytes: limits.guest_memory_bytes,
            parent: std::process::id(),
        };
        let empty = scratch.path().join("empty");
        let code = scratch.path().join(format!("{}.cwasm", source.digest));
        fs::create_dir(&empty).map_err(disk_error)?;
        let output = File::create_new(&code).map_err(disk_error)?;
        let (abi, profile) = process::run(Run {
            program: &self.config.worker,
            folder: &empty,
            input: file,
            output,
            order,
            wall: limits.wall,
            last_try: request.last_try,
        })
        .await?;
        if profile != self.config.profile {
            return Err(BuildError::server(
                "the server's program was replaced while the server was running, and its compiler now produces code \
                 for another version: restart the server",
            ));
        }
        // How much it comes to only the compiler knows; until here its limit bounds it.
        let made = code.metadata().map_err(disk_error)?.len();
        let room = request.turns.reserve_disk(DiskAmount::file(made));
        room.map_err(|refused| repo_error(refused.into()))?;
        let inner = Arc::clone(self);
        let placed = tokio::task::spawn_blocking(move || {
            let bytes = inner.put_in_place(&code);
            drop(scratch);
            bytes
        });
        let bytes = placed
            .await
            .map_err(io::Error::other)
            .flatten()
            .map_err(disk_error)?;
        Ok((abi, bytes))
    }

    /// Seals native code that was just written, and moves it and its seal to where they are looked for.
    fn put_in_place(&self, code: &Path) -> io::Result<u64> {
        let (key, profile) = (&self.config.seal, &self.config.profile);
        let file = File::open(code)?;
        let bytes = file.metadata()?.len();
        if bytes == 0 {
            return Err(io::Error::other("the compiler produced no output"));
        }
        file.set_permissions(Permissions::from_mode(0o400))?;
        file.sync_all()?;
        seal(key, profile, code)?;
        let name = code.file_name().unwrap_or_default();
        let target = self.components().join(name);

        let _places = self.places();
        let same = fs::read(seal_path(&target)).ok() == fs::read(seal_path(code)).ok();
        if same && open_sealed(key, profile, &target).is_ok() {
            // The compiler made the same again. What is in place may be in use, and stays.
            return Ok(bytes);
        }
        // Between the two steps the seal does not hold: who looks then is told so, and looks again later.
        fs::rename(code, &target)?;
        fs::rename(seal_path(code), seal_path(&target))?;
        File::open(self.components())?.sync_all()?;
        Ok(bytes)
    }

    fn code_path(&self, digest: &str) -> PathBuf {
        Builder::component_path(&self.config.artifacts, digest)
    }

    async fn blocking(self: &Arc<Self>, work: fn(&Self, &str) -> bool, digest: &str) -> bool {
        let (inner, digest) = (Arc::clone(self), digest.to_owned());
        let done = tokio::task::spawn_blocking(move || work(&inner, &digest));
        done.await.unwrap_or(false)
    }
}

/// As much of a file as tells what it is.
const HEAD: usize = 64;

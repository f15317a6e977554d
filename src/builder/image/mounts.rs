//! What a command of a build sees besides its image: laid out in a folder of this server's, which is gone with the command.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use bollard::models::{
    Mount as EngineMount, MountBindOptions, MountBindOptionsPropagationEnum, MountTmpfsOptions,
    MountType, MountVolumeOptions,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::super::{disk_error, repo_error};
use super::context::Context;
use super::dockerfile::{Kind, Mount, Run, Sent};
use super::failure::place;
use super::run_build::Making;
use crate::domain::{BuildError, DiskAmount};
use crate::repo::{RepoError, Walked};

/// What a command sees, until this is dropped.
pub(super) struct Mounted {
    pub(super) mounts: Vec<EngineMount>,
    /// Changes with what is in the files, those of secrets left out.
    pub(super) digest: String,
    /// Folders that are another user's, or have another mode: paths in the container.
    pub(super) folders: Vec<Folder>,
    _folder: Option<TempDir>,
}

/// An empty folder as its author wants it.
pub(super) struct Folder {
    pub(super) path: String,
    pub(super) mode: u32,
    pub(super) user: u32,
    pub(super) group: u32,
}

// === impl Making ===

impl Making<'_> {
    /// Lays out what a command sees. `working_dir` is where its paths begin that do not begin with `/`.
    pub(super) async fn mounted(
        &self,
        run: &Run,
        working_dir: &str,
    ) -> Result<Mounted, BuildError> {
        let mut mounted = Mounted {
            mounts: Vec::new(),
            digest: String::new(),
            folders: Vec::new(),
            _folder: None,
        };
        if run.mounts.is_empty() {
            return Ok(mounted);
        }
        let scratch = self.inner.scratch_folder().map_err(disk_error)?;
        let context = scratch.path().join("context");
        let mut hasher = Sha256::new();
        let sources = run.mounts.iter().filter_map(|mount| match &mount.kind {
            Kind::Context(source) => Some(plain(source)),
            _ => None,
        });
        let sources: Vec<String> = sources.collect();
        if !sources.is_empty() {
            hasher.update(self.lay_out(sources, &context).await?);
        }
        for (number, mount) in run.mounts.iter().enumerate() {
            let target = self.target(run, mount, working_dir)?;
            hasher.update(format!("{:?} {target}\n", mount));
            let place = scratch.path().join(number.to_string());
            match &mount.kind {
                Kind::Cache => {
                    if mount.mode.is_some() || mount.user != 0 || mount.group != 0 {
                        mounted.folders.push(Folder {
                            path: target.clone(),
                            mode: mount.mode.unwrap_or(0o755),
                            user: mount.user,
                            group: mount.group,
                        });
                    }
                    mounted.mounts.push(EngineMount {
                        typ: Some(MountType::VOLUME),
                        target: Some(target),
                        volume_options: Some(MountVolumeOptions {
                            no_copy: Some(true),
                            ..MountVolumeOptions::default()
                        }),
                        ..EngineMount::default()
                    });
                }
                Kind::Memory(size) => mounted.mounts.push(EngineMount {
                    typ: Some(MountType::TMPFS),
                    target: Some(target),
                    tmpfs_options: Some(MountTmpfsOptions {
                        size_bytes: *size,
                        ..MountTmpfsOptions::default()
                    }),
                    ..EngineMount::default()
                }),
                Kind::Context(source) => {
                    let source = plain(source);
                    let place = context.join(&source);
                    if source.split('/').any(|name| name == "..") || !place.exists() {
                        let message = format!("`{source}` is not in the build context");
                        return Err(self.refused(run, &message));
                    }
                    mounted.mounts.push(bind(&place, target)?);
                }
                Kind::Secret { name, required } => {
                    let mut secrets = self.request.before.secrets.iter();
                    match secrets.find(|(known, _)| known == name) {
                        Some((_, value)) => {
                            write_secret(&place, value.expose(), mount).map_err(disk_error)?;
                            mounted.mounts.push(bind(&place, target)?);
                        }
                        None if *required => {
                            let message =
                                format!("the Space has no secret `{name}`; add it in its settings");
                            return Err(self.refused(run, &message));
                        }
                        None => {}
                    }
                }
            }
        }
        mounted.digest = hex::encode(hasher.finalize());
        mounted._folder = Some(scratch);
        Ok(mounted)
    }

    /// Where a command sees it: an absolute path.
    fn target(
        &self,
        run: &Run,
        mount: &Mount<String>,
        working_dir: &str,
    ) -> Result<String, BuildError> {
        let target = match (&mount.target, &mount.kind) {
            (Some(target), _) => target.clone(),
            (None, Kind::Secret { name, .. }) => format!("/run/secrets/{name}"),
            (None, _) => String::new(),
        };
        let path = format!(
            "{}/{target}",
            if target.starts_with('/') {
                ""
            } else {
                working_dir
            }
        );
        let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
        let names: Vec<&str> = names.collect();
        let first = names.first().copied().unwrap_or("proc");
        if names.contains(&"..") || ["proc", "sys", "dev"].contains(&first) {
            let message = format!("`{target}` cannot be the target of a mount");
            return Err(self.refused(run, &message));
        }
        Ok(format!("/{}", names.join("/")))
    }

    /// Lays out what lies at those paths of the build context, each file once; a digest of it.
    async fn lay_out(&self, paths: Vec<String>, into: &Path) -> Result<String, BuildError> {
        let sent = Sent {
            paths,
            ..Sent::default()
        };
        let context = std::sync::Arc::clone(&self.order.context);
        let (revision, into) = (self.request.revision.clone(), into.to_owned());
        let (turns, reserved) = (self.request.turns.clone(), self.reserved.clone());
        let laid_out = self
            .inner
            .repos
            .read_slowly(self.request.space, move |repo| {
                let goes = |path: &str, target: &str| {
                    sent.has(target)
                        && !context.ignore.ignores(path)
                        && !Context::is_for_engine(target)
                };
                let mut amount = DiskAmount::default();
                context.walk(repo, &revision, &sent, |path, found| {
                    if let Walked::File { size, .. } = found
                        && goes(path, &format!("{}{path}", context.folder))
                    {
                        amount = amount + DiskAmount::file(size);
                    }
                    Ok(())
                })?;
                {
                    let mut reserved = reserved.lock();
                    let more = amount - *reserved;
                    turns.reserve_disk(more)?;
                    *reserved = *reserved + more;
                }
                make_folder(&into)?;
                let mut hasher = Sha256::new();
                for (path, content) in context.beside.iter().filter(|(path, _)| sent.has(path)) {
                    hasher.update(format!("{path}\0"));
                    hasher.update(Sha256::digest(content));
                    put(&into, path, false, &mut content.as_slice())?;
                }
                context.walk(repo, &revision, &sent, |path, found| {
                    let target = format!("{}{path}", context.folder);
                    if let Walked::File {
                        oid, executable, ..
                    } = found
                        && goes(path, &target)
                    {
                        hasher.update(format!("{target}\0{oid} {executable}\n"));
                        put(&into, &target, executable, &mut repo.blob(&oid)?)?;
                    }
                    Ok(())
                })?;
                Ok::<_, RepoError>(hex::encode(hasher.finalize()))
            });
        laid_out.await.map_err(repo_error)
    }

    fn refused(&self, run: &Run, message: &str) -> BuildError {
        let place = place(&self.order.file, self.order.theirs, Some(&run.step));
        BuildError::author(format!("{place}: {message}."))
    }
}

/// A path without what says nothing.
fn plain(path: &str) -> String {
    let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
    names.collect::<Vec<_>>().join("/")
}

/// A folder that everybody in the container reads.
fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))
}

fn put(into: &Path, path: &str, executable: bool, content: &mut impl io::Read) -> io::Result<()> {
    let mut folder = into.to_owned();
    let names: Vec<&str> = path.split('/').collect();
    let (name, folders) = names.split_last().unwrap_or((&"", &[]));
    for name in folders {
        folder.push(name);
        if !folder.is_dir() {
            make_folder(&folder)?;
        }
    }
    let path = folder.join(name);
    let mut file = File::create_new(&path)?;
    io::copy(content, &mut file)?;
    let mode = if executable { 0o755 } else { 0o644 };
    file.set_permissions(Permissions::from_mode(mode))
}

/// A file that nobody else on this server reads.
fn write_secret(path: &Path, value: &str, mount: &Mount<String>) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    io::Write::write_all(&mut file, value.as_bytes())?;
    if mount.user != 0 || mount.group != 0 {
        chown(path, Some(mount.user), Some(mount.group))?;
    }
    file.set_permissions(Permissions::from_mode(mount.mode.unwrap_or(0o400)))
}

/// A mount rather than a bind: where the engine finds no such path it refuses, and does not make an empty folder. Nobody writes
/// there: it is this server's disk.
fn bind(source: &Path, target: String) -> Result<EngineMount, BuildError> {
    let source = std::path::absolute(source).map_err(disk_error)?;
    Ok(EngineMount {
        typ: Some(MountType::BIND),
        source: Some(source.display().to_string()),
        target: Some(target),
        read_only: Some(true),
        bind_options: Some(MountBindOptions {
            propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
            ..MountBindOptions::default()
        }),
        ..EngineMount::default()
    })
}

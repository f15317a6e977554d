//! Runs the command of a `RUN` in a container of its own, within all limits of the build, and keeps what it wrote as a layer.
//!
//! The engine's builder would run it as well, but with rights that no build needs, and it keeps what a command left without
//! asking how much that is: files with holes take nothing while the command runs, and all of their length afterwards.

use std::io::{self, Write};
use std::sync::atomic::Ordering;

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, ImageConfig, Mount,
    ResourcesUlimits,
};
use bollard::query_parameters::{
    AttachContainerOptions, InspectContainerOptions, StartContainerOptions,
    UploadToContainerOptions, WaitContainerOptions,
};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};

use super::ImageLimits;
use super::container::Container;
use super::dockerfile::{Left, Run};
use super::failure::{Failed, command_error, internal, start_error};
use super::layer;
use super::mounts::Folder;
use super::progress::Progress;
use super::record::Recorder;
use super::run_build::Making;
use super::watch::{too_large, too_many_files};
use crate::builder::disk_error;
use crate::docker::{free, is_missing_mount, layer_length, most_files, seccomp, written};
use crate::domain::{BuildError, DiskAmount, bytes_text};

/// Weight of a build against what runs, which has 1024.
const CPU_SHARES: i64 = 512;

/// How a command ended.
struct Ended {
    code: i64,
    out_of_memory: bool,
}

// === impl Making ===

impl Making<'_> {
    /// Runs a command, or finds what it left in an earlier build; what comes of it.
    pub(super) async fn run_step(
        &self,
        run: Run,
        recorder: &mut Recorder,
        progress: &mut Progress,
    ) -> Result<Left, BuildError> {
        let mut writer = self.request.log.writer();
        progress.piece(
            vec![Some(run.step.clone()).filter(|_| run.is_counted)],
            false,
        );
        // Writing to a log cannot fail.
        let _ = writer.write_all(progress.takes("Step 1/1 : RUN\n").as_bytes());
        let image = self.docker.inspect_image(&run.image).await;
        let config = image.map_err(|error| internal(&error))?.config;
        let config = config.unwrap_or_default();
        let working_dir = config.working_dir.as_deref().unwrap_or_default();
        let mounted = self.mounted(&run, working_dir).await?;
        let key = key(&run, &mounted.digest);
        if self.cached
            && let Some(left) = self.left_before(&key, &config).await
        {
            let _ = writer.write_all(b" ---> Using cache\n");
            recorder.ran(&key, &left.id, true);
            return Ok(left);
        }
        let body = self.body(&run, &config, mounted.mounts.clone());
        let container = Container::create(self.docker, body).await;
        let container = container.map_err(|error| match is_missing_mount(&error) {
            true => BuildError::server(
                "the container engine does not use this server's folders, which `RUN --mount` needs",
            ),
            false => start_error(&error, &self.failed(progress)),
        })?;
        for folder in &mounted.folders {
            self.own(&container, folder).await?;
        }
        let ended = self.command(&container, progress).await?;
        if ended.code != 0 {
            return Err(command_error(
                ended.code,
                ended.out_of_memory,
                &self.failed(progress),
            ));
        }
        self.fits(&run.image, &container).await?;
        let id = layer::commit(self.docker, &container.id, config.clone()).await;
        let id = id.map_err(|error| internal(&error))?;
        container.remove().await;
        recorder.ran(&key, &id, false);
        Ok(left_by(id, &config))
    }

    /// Gives an empty folder that a command sees to whom its author wants.
    async fn own(&self, container: &Container, folder: &Folder) -> Result<(), BuildError> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        header.set_mode(folder.mode);
        header.set_uid(folder.user.into());
        header.set_gid(folder.group.into());
        let mut archive = tar::Builder::new(Vec::new());
        let path = folder.path.trim_start_matches('/');
        let packed = archive.append_data(&mut header, path, io::empty());
        let packed = packed.and_then(|()| archive.into_inner());
        let options = UploadToContainerOptions {
            path: "/".to_owned(),
            ..UploadToContainerOptions::default()
        };
        let body = bollard::body_full(packed.map_err(disk_error)?.into());
        let sent = self
            .docker
            .upload_to_container(&container.id, Some(options), body);
        sent.await.map_err(|error| internal(&error))
    }

    /// What the same command left in an earlier build.
    async fn left_before(&self, key: &str, config: &ImageConfig) -> Option<Left> {
        for id in self.ran.get(key)? {
            if self.docker.inspect_image(id).await.is_ok() {
                return Some(left_by(id.clone(), config));
            }
        }
        None
    }

    /// Starts the command, writes what it prints to the build's log, and waits for its end.
    async fn command(
        &self,
        container: &Container,
        progress: &mut Progress,
    ) -> Result<Ended, BuildError> {
        let options = AttachContainerOptions {
            stream: true,
            stdout: true,
            stderr: true,
            ..AttachContainerOptions::default()
        };
        let attached = self
            .docker
            .attach_container(&container.id, Some(options))
            .await;
        let AttachContainerResults { mut output, .. } =
            attached.map_err(|error| internal(&error))?;
        let mut waiting = std::pin::pin!(
            self.docker
                .wait_container(&container.id, None::<WaitContainerOptions>)
        );
        self.docker
            .start_container(&container.id, None::<StartContainerOptions>)
            .await
            .map_err(|error| start_error(&error, &self.failed(progress)))?;
        let mut writer = self.request.log.writer();
        while let Some(Ok(printed)) = output.next().await {
            let (LogOutput::StdOut { message }
            | LogOutput::StdErr { message }
            | LogOutput::Console { message }
            | LogOutput::StdIn { message }) = printed;
            self.prints(message.len())?;
            let _ = writer.write_all(&message);
            progress.prints(&String::from_utf8_lossy(&message));
        }
        let code = match waiting.next().await {
            Some(Ok(ended)) => ended.status_code,
            Some(Err(Error::DockerContainerWaitError { code, .. })) => code,
            Some(Err(error)) => return Err(internal(&error)),
            None => {
                return Err(BuildError::server(
                    "the container engine lost a build's container",
                ));
            }
        };
        let found = self
            .docker
            .inspect_container(&container.id, None::<InspectContainerOptions>)
            .await;
        let state = found.map_err(|error| internal(&error))?.state;
        let out_of_memory = state.and_then(|state| state.oom_killed).unwrap_or(false);
        Ok(Ended {
            code,
            out_of_memory,
        })
    }

    /// Takes note of bytes that the build prints.
    pub(super) fn prints(&self, bytes: usize) -> Result<(), BuildError> {
        let bytes = bytes as u64;
        let most = self.limits().output_bytes;
        if self.printed.fetch_add(bytes, Ordering::Relaxed) + bytes > most {
            return Err(BuildError::author(format!(
                "The build was stopped because it printed more than {}.",
                bytes_text(most)
            )));
        }
        Ok(())
    }

    /// Whether there is room for what the container has written, before the engine copies it.
    async fn fits(&self, image: &str, container: &Container) -> Result<(), BuildError> {
        let limits = self.limits();
        let length = layer_length(self.docker, &container.id).await;
        let DiskAmount {
            bytes: length,
            files,
        } = length.map_err(|error| internal(&error))?;
        let below = self.docker.inspect_image(image).await;
        let below = below.map_err(|error| internal(&error))?.size;
        let below = u64::try_from(below.unwrap_or(0)).unwrap_or(0);
        if below.saturating_add(length) > limits.image_bytes {
            return Err(too_large(limits.image_bytes));
        }
        if files > most_files(limits.image_bytes) {
            return Err(too_many_files(limits.image_bytes));
        }
        let free = self.root.and_then(free);
        if free.is_some_and(|free| free < length.saturating_add(limits.free_bytes)) {
            return Err(BuildError::server(format!(
                "the disk of this server's container engine has no room for what this step wrote ({})",
                bytes_text(length)
            )));
        }
        let found = self
            .docker
            .inspect_container(&container.id, None::<InspectContainerOptions>)
            .await;
        let found = found.map_err(|error| internal(&error))?;
        let taken = written(self.docker, found).await;
        let taken = taken.map_err(|error| internal(&error))?.bytes;
        if self.name.is_some() {
            return Ok(());
        }
        // The watch counts what is there; what only becomes there is counted here.
        let holes = DiskAmount::new(length.saturating_sub(taken), 0);
        self.request.turns.reserve_disk(holes).map_err(|refused| {
            BuildError::author(format!(
                "The build was stopped because there is no disk space for its output: {}.",
                refused.explain()
            ))
        })
    }

    pub(super) fn failed<'b>(&'b self, progress: &'b Progress) -> Failed<'b> {
        let limits = self.limits();
        Failed {
            file: &self.order.file,
            theirs: self.order.theirs,
            progress,
            memory: bytes_text(limits.memory_bytes),
            file_limit: bytes_text(limits.image_bytes),
        }
    }

    fn limits(&self) -> &ImageLimits {
        &self.inner.config.images.limits
    }

    /// The request that creates the container of a command. Everything is denied that installing does not need.
    fn body(&self, run: &Run, config: &ImageConfig, mounts: Vec<Mount>) -> ContainerCreateBody {
        let limits = self.limits();
        let memory = i64::try_from(limits.memory_bytes).unwrap_or(i64::MAX);
        let largest = i64::try_from(limits.image_bytes).unwrap_or(i64::MAX);
        let mut words = run.words.clone();
        if !run.arguments.is_empty() {
            // As variables of the container they would be the image's.
            let arguments = run.arguments.iter();
            let arguments = arguments.map(|(name, value)| format!("{name}={value}"));
            words = ["env".to_owned()]
                .into_iter()
                .chain(arguments)
                .chain(words)
                .collect();
        }
        ContainerCreateBody {
            image: Some(run.image.clone()),
            entrypoint: Some(Vec::new()),
            cmd: Some(words),
            // What the engine would do for it time and again is nobody's.
            healthcheck: config.healthcheck.as_ref().map(|_| HealthConfig {
                test: Some(vec!["NONE".to_owned()]),
                ..HealthConfig::default()
            }),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            // Labels would be the image's too; it is known by its network.
            labels: None,
            host_config: Some(HostConfig {
                memory: Some(memory),
                // Memory and swap together: equal, so there is no swap.
                memory_swap: Some(memory),
                nano_cpus: Some(i64::from(limits.cpu_millis) * 1_000_000),
                cpu_shares: Some(CPU_SHARES),
                pids_limit: Some(limits.pids.into()),
                ulimits: Some(vec![ResourcesUlimits {
                    name: Some("fsize".to_owned()),
                    soft: Some(largest),
                    hard: Some(largest),
                }]),
                cap_drop: Some(vec!["ALL".to_owned()]),
                cap_add: Some(CAPABILITIES.map(|(name, _)| name.to_owned()).into()),
                security_opt: Some(vec![seccomp::option()]),
                ipc_mode: Some("private".to_owned()),
                // When the host runs out of memory, builds go before the server.
                oom_score_adj: Some(500),
                network_mode: Some(self.network.to_owned()),
                mounts: Some(mounts),
                // The packet filter's rules are for IPv4.
                sysctls: Some(
                    [("net.ipv6.conf.all.disable_ipv6".to_owned(), "1".to_owned())].into(),
                ),
                // What it prints is read while it does, and kept by the journal.
                log_config: Some(HostConfigLogConfig {
                    typ: Some("none".to_owned()),
                    config: None,
                }),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        }
    }
}

/// What installing needs of a superuser's rights, and what for. All others are dropped, making packets by hand and devices
/// among them.
const CAPABILITIES: [(&str, &str); 9] = [
    ("CHOWN", "packages give their files owners"),
    ("DAC_OVERRIDE", "root writes where others may"),
    ("FOWNER", "root changes modes of others' files"),
    ("FSETID", "modes keep their set-id bits through a change"),
    ("SETUID", "apt, su and sudo become other users"),
    ("SETGID", "the same for groups"),
    ("SETFCAP", "packages such as ping mark their programs"),
    ("KILL", "installers end daemons that they started"),
    ("NET_BIND_SERVICE", "tests of a build listen on low ports"),
];

/// What a step is remembered by. The image before it is one owner's alone: it bears their label.
fn key(run: &Run, mounted: &str) -> String {
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text);
    };
    add(&run.image);
    add(mounted);
    add(&run.words.len().to_string());
    for word in &run.words {
        add(word);
    }
    for (name, value) in &run.arguments {
        add(name);
        add(value);
    }
    hex::encode(hasher.finalize())
}

fn left_by(id: String, config: &ImageConfig) -> Left {
    let says_nothing = |words: &Option<Vec<String>>| words.as_ref().is_none_or(Vec::is_empty);
    Left {
        id,
        environment: config.env.clone().unwrap_or_default(),
        has_command_of_run: says_nothing(&config.cmd) && says_nothing(&config.entrypoint),
    }
}

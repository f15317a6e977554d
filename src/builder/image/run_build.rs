//! Makes an image, one part of its Dockerfile after the other.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::BuildImageOptions;
use parking_lot::Mutex;

use super::super::{BuildRequest, Inner, repo_error};
use super::build_input::Order;
use super::dockerfile::{Found, Left, Part, Piece};
use super::failure::{build_error, internal};
use super::path_check::Opened;
use super::progress::Progress;
use super::record::Recorder;
use super::{ImageConfig, context, follow, layer, sweep};
use crate::builder::holds::Hold;
use crate::docker::{BUILD, CACHE, DATA, MADE_OF, REVISION, SPACE, SPACE_ID};
use crate::domain::{BuildError, DiskAmount};
use crate::repo::RepoError;

/// What an engine is asked within: a build gets its answer when its context was read.
const PATIENCE: Duration = Duration::from_secs(3600);
/// An image that is being made.
pub(super) struct Making<'a> {
    pub(super) inner: &'a Inner,
    pub(super) docker: &'a Docker,
    pub(super) request: &'a BuildRequest,
    pub(super) hold: &'a Hold,
    pub(super) order: &'a Order,
    /// The build's own network.
    pub(super) network: &'a str,
    /// The folder in which the engine keeps everything, if it is on this machine.
    pub(super) root: Option<&'a Path>,
    /// Bytes that the build has printed.
    pub(super) printed: AtomicU64,
    /// Whether layers of earlier builds will do.
    pub(super) cached: bool,
    /// Room for the largest context so far: the engine keeps each no longer than its piece takes.
    pub(super) reserved: Arc<Mutex<DiskAmount>>,
    /// What commands of earlier builds left: ids of images, by what a command is remembered by.
    pub(super) ran: HashMap<String, Vec<String>>,
    /// The image's name, if it is a base image and no Space's.
    pub(super) name: Option<String>,
}

// === impl Making ===

impl Making<'_> {
    /// The id of the image.
    pub(super) async fn run(
        &self,
        found: &[Found],
        cache: &str,
        mut recorder: Recorder,
    ) -> Result<String, BuildError> {
        let Order {
            dockerfile,
            file,
            theirs,
            args,
            ..
        } = self.order;
        let opened = Opened {
            docker: self.docker,
            sound: &self.inner.sound_images,
            data: self.inner.config.images.engine.data(),
            network: self.network,
            file,
            theirs: *theirs,
        };
        let mut plain = Vec::new();
        for image in found {
            let mut image = image.clone();
            if !image.triggers.is_empty() {
                let label = (CACHE, cache);
                let made = layer::without_triggers(self.docker, &image, self.network, label).await;
                image.id = made.map_err(|error| internal(&error))?;
                self.hold.add(&image.id);
                recorder.part(&image.id);
            }
            plain.push(image);
        }
        let parts = dockerfile.parts(&plain, cache, args);
        let mut parts = parts.map_err(|problem| problem.in_file(file))?;
        let mut progress = Progress::new(file, dockerfile.count());
        let mut left = None;
        loop {
            let part = parts.next(left).map_err(|problem| problem.in_file(file))?;
            let came = match part {
                Part::Run(run) => {
                    opened.check_image(&run.image, &run.step).await?;
                    self.run_step(run, &mut recorder, &mut progress).await?
                }
                Part::Piece(piece) => {
                    opened.check(&piece).await?;
                    let is_last = piece.is_last;
                    let id = self.piece(piece, &mut recorder, &mut progress).await?;
                    if is_last {
                        recorder.image(&id);
                        return Ok(id);
                    }
                    recorder.part(&id);
                    let image = self.docker.inspect_image(&id).await;
                    let config = image.map_err(|error| internal(&error))?.config;
                    Left {
                        id,
                        environment: config.and_then(|config| config.env).unwrap_or_default(),
                        has_command_of_run: false,
                    }
                }
            };
            // Nothing has it as its base yet, so that a sweep would find it unused.
            self.hold.add(&came.id);
            left = Some(came);
        }
    }

    /// The id of the image that comes of one piece.
    async fn piece(
        &self,
        piece: Piece,
        recorder: &mut Recorder,
        progress: &mut Progress,
    ) -> Result<String, BuildError> {
        let (request, order) = (self.request, self.order);
        let options = self.options(&piece);
        let (turns, reserved) = (request.turns.clone(), Arc::clone(&self.reserved));
        let (tar, reading) = order.context.send(
            piece.text,
            piece.sent,
            &self.inner.repos,
            request.space,
            request.revision.clone(),
            move |amount| {
                let mut reserved = reserved.lock();
                let more = amount - *reserved;
                turns.reserve_disk(more)?;
                *reserved = *reserved + more;
                Ok(())
            },
        );
        let docker = self.docker.clone().with_timeout(PATIENCE);
        let steps = docker.build_image(options, None, Some(bollard::body_try_stream(tar)));
        let mut steps_of_piece = piece.steps;
        if piece.is_last && self.name.is_none() {
            // The engine appends a step for each label.
            steps_of_piece.extend(self.labels().map(|_| None));
        }
        progress.piece(steps_of_piece, piece.is_last);
        let built = follow::follow(
            steps,
            &request.log,
            |bytes| self.prints(bytes),
            recorder,
            progress,
        )
        .await;
        match built {
            Ok(id) => id,
            Err(error) => match reading.await {
                // What went wrong first is what is said; the engine only saw half an archive.
                Ok(Err(cause)) if !is_closed(&cause) => Err(repo_error(cause)),
                _ => Err(build_error(&error, &self.failed(progress))),
            },
        }
    }

    /// Whose image it is, and what it was made of.
    fn labels(&self) -> [(&'static str, String); 6] {
        let request = self.request;
        [
            (DATA, self.inner.config.images.engine.data().to_owned()),
            (SPACE, request.name.to_string()),
            (SPACE_ID, request.space.to_string()),
            (REVISION, request.revision.to_string()),
            (BUILD, request.build.to_string()),
            (MADE_OF, self.order.made_of.clone()),
        ]
    }

    fn options(&self, piece: &Piece) -> BuildImageOptions {
        let ImageConfig { engine, .. } = &self.inner.config.images;
        let labels = self.labels().map(|(key, value)| (key.to_owned(), value));
        let arguments = piece.arguments.clone().into_iter();
        BuildImageOptions {
            dockerfile: context::DOCKERFILE.to_owned(),
            // A name keeps it from being tidied away as nobody's.
            t: piece.is_last.then(|| match &self.name {
                Some(name) => name.clone(),
                None => sweep::tag(engine.data(), self.request.build),
            }),
            nocache: !self.cached,
            rm: true,
            forcerm: true,
            buildargs: Some(arguments.collect::<HashMap<_, _>>()),
            labels: (piece.is_last && self.name.is_none()).then(|| labels.into()),
            networkmode: Some(self.network.to_owned()),
            ..BuildImageOptions::default()
        }
    }
}

/// The engine hung up.
fn is_closed(error: &RepoError) -> bool {
    matches!(error, RepoError::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
}

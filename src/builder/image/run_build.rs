//! Has the engine make an image, one piece of its Dockerfile after the other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::BuildImageOptions;
use http::uri::PathAndQuery;
use http::{Request, Uri};
use parking_lot::Mutex;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::sync::Notify;

use super::super::{BuildRequest, Inner, repo_error};
use super::build_input::Order;
use super::dockerfile::{Found, Left, Piece};
use super::failure::{Failed, build_error, internal};
use super::path_check::Opened;
use super::progress::Progress;
use super::record::Recorder;
use super::{ImageConfig, context, follow, sweep};
use crate::builder::holds::Hold;
use crate::docker::{BUILD, DATA, MADE_OF, REVISION, SPACE, SPACE_ID};
use crate::domain::{BuildError, DiskAmount, bytes_text};
use crate::repo::RepoError;

/// What an engine is asked within: a build gets its answer when its context was read.
const PATIENCE: Duration = Duration::from_secs(3600);
/// The time a share of the CPU is counted over, in microseconds.
const CPU_PERIOD: i32 = 100_000;
/// Weight of a build against what runs, which has 1024.
const CPU_SHARES: i32 = 512;

/// An image that is being made.
pub(super) struct Making<'a> {
    pub(super) inner: &'a Inner,
    pub(super) docker: &'a Docker,
    pub(super) request: &'a BuildRequest,
    pub(super) hold: &'a Hold,
    pub(super) order: &'a Order,
    /// The build's own network.
    pub(super) network: &'a str,
    /// Told when a container is about to start.
    pub(super) look: &'a Notify,
    /// Whether layers of earlier builds will do.
    pub(super) cached: bool,
    /// Room for the largest context so far: the engine keeps each no longer than its piece takes.
    pub(super) reserved: Arc<Mutex<DiskAmount>>,
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
        let mut pieces = dockerfile.pieces(found, cache, args);
        let mut progress = Progress::new(file, dockerfile.count());
        let mut left = None;
        loop {
            let piece = pieces.next(left).map_err(|problem| problem.in_file(file))?;
            opened.check(&piece).await?;
            let is_last = piece.is_last;
            let id = self.piece(piece, &mut recorder, &mut progress).await?;
            if is_last {
                recorder.image(&id);
                return Ok(id);
            }
            recorder.piece(&id);
            // Nothing has it as its base yet, so that a sweep would find it unused.
            self.hold.add(&id);
            let image = self.docker.inspect_image(&id).await;
            let config = image.map_err(|error| internal(&error))?.config;
            left = Some(Left {
                id,
                environment: config.and_then(|config| config.env).unwrap_or_default(),
            });
        }
    }

    /// The id of the image that comes of one piece.
    async fn piece(
        &self,
        piece: Piece,
        recorder: &mut Recorder,
        progress: &mut Progress,
    ) -> Result<String, BuildError> {
        let ImageConfig { limits, .. } = &self.inner.config.images;
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
        // The watch says in words that a file without holes is too large, a little earlier.
        let most = limits.image_bytes.saturating_mul(2);
        let docker = self
            .docker
            .clone()
            .with_timeout(PATIENCE)
            .with_request_modifier(move |request| bound_files(request, most));
        let steps = docker.build_image(options, None, Some(bollard::body_try_stream(tar)));
        let mut steps_of_piece = piece.steps;
        if piece.is_last {
            // The engine appends a step for each label.
            steps_of_piece.extend(self.labels().map(|_| None));
        }
        progress.piece(steps_of_piece, piece.is_last);
        let (log, look) = (&request.log, self.look);
        let built = follow::follow(steps, log, limits, look, recorder, progress).await;
        match built {
            Ok(id) => id,
            Err(error) => match reading.await {
                // What went wrong first is what is said; the engine only saw half an archive.
                Ok(Err(cause)) if !is_closed(&cause) => Err(repo_error(cause)),
                _ => Err(build_error(
                    &error,
                    &Failed {
                        file: &order.file,
                        theirs: order.theirs,
                        progress,
                        memory: &bytes_text(limits.memory_bytes),
                        file_limit: &bytes_text(most),
                    },
                )),
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
        let ImageConfig { limits, engine, .. } = &self.inner.config.images;
        // The client's numbers end at two gigabytes; the watch sets what was meant.
        let memory = i32::try_from(limits.memory_bytes).unwrap_or(i32::MAX);
        let quota = i64::from(limits.cpu_millis) * i64::from(CPU_PERIOD) / 1000;
        let labels = self.labels().map(|(key, value)| (key.to_owned(), value));
        let arguments = piece.arguments.clone().into_iter();
        BuildImageOptions {
            dockerfile: context::DOCKERFILE.to_owned(),
            // A name keeps it from being tidied away as nobody's.
            t: piece
                .is_last
                .then(|| sweep::tag(engine.data(), self.request.build)),
            nocache: !self.cached,
            rm: true,
            forcerm: true,
            memory: Some(memory),
            memswap: Some(memory),
            cpushares: Some(CPU_SHARES),
            cpuperiod: Some(CPU_PERIOD),
            cpuquota: Some(i32::try_from(quota).unwrap_or(i32::MAX)),
            buildargs: Some(arguments.collect::<HashMap<_, _>>()),
            labels: piece.is_last.then(|| labels.into()),
            networkmode: Some(self.network.to_owned()),
            ..BuildImageOptions::default()
        }
    }
}

/// Bounds each file that a step may write, for which the client has no word: a file with holes takes nothing while the step
/// runs, and all of its length once the engine keeps it as a layer.
fn bound_files<B>(mut request: Request<B>, bytes: u64) -> Request<B> {
    let limits = format!(r#"[{{"Name":"fsize","Soft":{bytes},"Hard":{bytes}}}]"#);
    let limits = utf8_percent_encode(&limits, NON_ALPHANUMERIC);
    let mut parts = request.uri().clone().into_parts();
    let asked = parts.path_and_query.as_ref().map(|asked| {
        let between = if asked.query().is_some() { '&' } else { '?' };
        PathAndQuery::try_from(format!("{asked}{between}ulimits={limits}"))
    });
    // What was a URI before is one with letters, digits and `%` behind it.
    if let Some(Ok(asked)) = asked {
        parts.path_and_query = Some(asked);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// The engine hung up.
fn is_closed(error: &RepoError) -> bool {
    matches!(error, RepoError::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_asked_for_with_a_bound_of_files() {
        let request = Request::post("http://engine/v1.41/build?t=a%3Ab").body(());
        let bound = bound_files(request.expect("a request"), 1 << 30);
        let wanted = "http://engine/v1.41/build?t=a%3Ab&ulimits=%5B%7B%22Name%22%3A%22fsize%22%2C%22Soft%22%3A1073741824\
                      %2C%22Hard%22%3A1073741824%7D%5D";
        assert_eq!(bound.uri(), wanted);
    }
}

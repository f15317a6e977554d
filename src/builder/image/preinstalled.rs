//! What apps of an SDK expect to find without asking for it: installed once on a base image, for all Spaces of the server.
//!
//! Nothing of any Space is part of it, so that one image may stand below those of all owners. It bears a name as a base image
//! does, and stays until the server's operator removes it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use bollard::Docker;
use sha2::{Digest, Sha256};

use super::super::{BuildRequest, Inner, disk_error};
use super::build_input::Order;
use super::context::Context;
use super::dockerfile::{self, Found, Problem};
use super::failure::internal;
use super::ignore::Ignore;
use super::recipe;
use super::record::Recorder;
use super::run_build::Making;
use super::watch::Watch;
use crate::builder::holds::Hold;
use crate::docker::Reach;
use crate::domain::{BuildError, Sdk};

/// Until something that could not be installed is tried again.
const PAUSE: Duration = Duration::from_secs(1800);

/// What an author is told where apps find less than on Hugging Face.
const NOT_INSTALLED: &str = "Note: what the SDK usually brings could not be installed on this server; the build goes on \
                             without it. The app may need more in packages.txt and requirements.txt.";

/// What could not be installed: base images by id, and when.
pub(in crate::builder) type Failures = parking_lot::Mutex<Vec<(String, Instant)>>;

/// The build that needs it.
pub(super) struct Asking<'a> {
    pub(super) docker: &'a Docker,
    pub(super) request: &'a BuildRequest,
    pub(super) hold: &'a Hold,
    /// The build's own network.
    pub(super) network: &'a str,
    /// The folder in which the engine keeps everything, if it is on this machine.
    pub(super) root: Option<std::path::PathBuf>,
}

// === impl Inner ===

impl Inner {
    /// The base image with what apps of the SDK expect; itself, where that cannot be installed.
    pub(super) async fn preinstalled(
        self: &Arc<Self>,
        asking: &Asking<'_>,
        sdk: Sdk,
        base: Found,
    ) -> Result<Found, BuildError> {
        let Some(text) = recipe::preinstalled(sdk) else {
            return Ok(base);
        };
        let log = &asking.request.log;
        let digest = Sha256::new().chain_update(&base.id).chain_update(&text);
        let digest = hex::encode(digest.finalize());
        let data = self.config.images.engine.data();
        let name = format!("glasshouse-base/{data}:{}", &digest[..16]);
        if let Some(found) = named(asking.docker, &name).await? {
            asking.hold.add(&found.id);
            return Ok(found);
        }
        if self.config.images.limits.reach == Reach::Nothing {
            log.line(NOT_INSTALLED);
            return Ok(base);
        }
        let failed_lately = {
            let mut failures = self.preinstall_failures.lock();
            failures.retain(|(_, at)| at.elapsed() < PAUSE);
            failures.iter().any(|(id, _)| *id == base.id)
        };
        if failed_lately {
            log.line(NOT_INSTALLED);
            return Ok(base);
        }
        log.line("Installing what apps of this SDK usually need, once for this server.");
        match self.install(asking, sdk, &base, text, &name).await {
            Ok(()) => {
                let found = named(asking.docker, &name).await?;
                found.ok_or_else(|| {
                    BuildError::server(
                        "the container engine lost a base image that it has just made",
                    )
                })
            }
            Err(error) => {
                tracing::warn!(
                    sdk = sdk.as_str(),
                    "what apps of an SDK usually need could not be installed: {error}"
                );
                let failure = (base.id.clone(), Instant::now());
                self.preinstall_failures.lock().push(failure);
                log.line(NOT_INSTALLED);
                Ok(base)
            }
        }
    }

    async fn install(
        self: &Arc<Self>,
        asking: &Asking<'_>,
        sdk: Sdk,
        base: &Found,
        text: String,
        name: &str,
    ) -> Result<(), BuildError> {
        let file = format!("runtimes/{}/preinstalled.Dockerfile", sdk.as_str());
        // The image is given beside the text, as it was found.
        let args = vec![("BASE_IMAGE".to_owned(), "base".to_owned())];
        let dockerfile = dockerfile::read(&text, &args).map_err(|problem| {
            let Problem { line, message } = problem;
            BuildError::server(format!("{file}:{line}: {message}"))
        })?;
        let order = Order {
            context: Arc::new(Context {
                folder: "app/",
                beside: Vec::new(),
                ignore: Ignore::default(),
                limits: self.config.site,
            }),
            made_of: String::new(),
            images: Vec::new(),
            dockerfile,
            file,
            theirs: false,
            args,
        };
        // Its layers are no Space's: what a failed attempt leaves is found by its label.
        let scratch = self.scratch_folder().map_err(disk_error)?;
        let Asking {
            docker,
            request,
            hold,
            network,
            root,
        } = asking;
        let recorder = Recorder::new(scratch.path(), request.build, request.space);
        let recorder = recorder.map_err(disk_error)?;
        let watch = Watch {
            docker,
            network,
            limits: &self.config.images.limits,
            turns: None,
            steps: recorder.steps(),
            bases: vec![base.id.clone()],
            root: root.clone(),
        };
        let making = Making {
            inner: self,
            docker,
            request,
            hold,
            order: &order,
            network,
            root: root.as_deref(),
            printed: AtomicU64::new(0),
            cached: true,
            reserved: Arc::default(),
            ran: HashMap::new(),
            name: Some(name.to_owned()),
        };
        let cache = format!("{}:base", self.config.images.engine.data());
        let building = making.run(std::slice::from_ref(base), &cache, recorder);
        tokio::select! {
            biased;
            beyond = watch.run() => Err(beyond),
            built = building => built.map(drop),
        }
    }
}

/// The image of that name, if the engine has it.
async fn named(docker: &Docker, name: &str) -> Result<Option<Found>, BuildError> {
    let image = match docker.inspect_image(name).await {
        Ok(image) => image,
        Err(error) if crate::docker::status(&error) == Some(404) => return Ok(None),
        Err(error) => return Err(internal(&error)),
    };
    let config = image.config.unwrap_or_default();
    Ok(image.id.map(|id| Found {
        id,
        shell: config.shell.unwrap_or_default(),
        user: config.user.unwrap_or_default(),
        environment: config.env.unwrap_or_default(),
        triggers: Vec::new(),
    }))
}

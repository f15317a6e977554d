//! What the apps of Gradio Spaces can be asked for: each that runs is asked once for each commit, within bounds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::Found;
use super::endpoints::{Endpoint, read};
use crate::domain::{Revision, SpaceId};
use crate::web::WebState;

/// What a Space's app can be asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Api {
    /// What stands before the paths that programs use.
    pub(super) prefix: &'static str,
    /// Never empty.
    pub(super) endpoints: Vec<Endpoint>,
}

/// What was learnt of each Space. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub(in crate::web) struct Apis(Arc<Mutex<HashMap<SpaceId, Known>>>);

#[derive(Debug)]
struct Known {
    revision: Revision,
    learnt: Learnt,
}

#[derive(Debug, Clone)]
enum Learnt {
    Api(Arc<Api>),
    /// Nothing, or not yet, at that moment.
    Nothing(Instant),
}

/// SDKs whose apps speak Gradio's protocol.
pub(super) const GRADIO: &str = "gradio";

/// Where apps tell of it, and what stands before their paths: since Gradio 5, and before.
const PLACES: [(&str, &str); 2] = [("/gradio_api/info", "gradio_api/"), ("/info", "")];

/// How long a page waits for an app, and the bytes it may say in that time.
const PATIENCE: Duration = Duration::from_millis(1000);
const MAX_BYTES: usize = 256 << 10;

/// How long an app that told nothing is left alone.
const PAUSE: Duration = Duration::from_secs(30);

/// Spaces remembered; past it all are forgotten.
const MAX_SPACES: usize = 2000;

// === impl Apis ===

impl Apis {
    /// What the Space's app can be asked for, as far as it has told; it is asked once for each commit, while it runs.
    pub(super) async fn of(&self, state: &WebState, found: &Found) -> Option<Arc<Api>> {
        let space = &found.space;
        if space.sdk.as_deref() != Some(GRADIO) {
            return None;
        }
        let running = found.view.revision.clone();
        let revision = running.clone().or_else(|| space.head.clone())?;
        {
            let mut known = self.known();
            let described = known.get(&space.id);
            match described
                .filter(|known| known.revision == revision)
                .map(|known| &known.learnt)
            {
                Some(Learnt::Api(api)) => return Some(Arc::clone(api)),
                Some(Learnt::Nothing(at)) if at.elapsed() < PAUSE => return None,
                _ => {}
            }
            running?;
            // Whoever comes meanwhile does not wait as well.
            remember(
                &mut known,
                space.id,
                &revision,
                Learnt::Nothing(Instant::now()),
            );
        }
        let api = Arc::new(ask(state, found).await?);
        let learnt = Learnt::Api(Arc::clone(&api));
        remember(&mut self.known(), space.id, &revision, learnt);
        Some(api)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<SpaceId, Known>> {
        self.0.lock()
    }
}

fn remember(
    known: &mut HashMap<SpaceId, Known>,
    space: SpaceId,
    revision: &Revision,
    learnt: Learnt,
) {
    if known.len() >= MAX_SPACES {
        known.clear();
    }
    let revision = revision.clone();
    known.insert(space, Known { revision, learnt });
}

async fn ask(state: &WebState, found: &Found) -> Option<Api> {
    let until = Instant::now() + PATIENCE;
    for (path, prefix) in PLACES {
        let left = until.saturating_duration_since(Instant::now());
        let asked = state.lifecycle.ask(&found.space, path, MAX_BYTES, left);
        if let Some(described) = asked.await {
            let endpoints = read(&described);
            return (!endpoints.is_empty()).then_some(Api { prefix, endpoints });
        }
    }
    None
}

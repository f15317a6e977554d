//! The front door: which host goes where.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use tower::ServiceExt;

use crate::config::Config;
use crate::domain::SpaceName;
use crate::gateway::{Gateway, Host, Target, host_of};

/// Sends strangers' traffic to the gateway and everything else to the hub. Cheap to clone.
#[derive(Clone)]
pub(super) struct FrontDoor {
    domain: Arc<str>,
    hub: Router,
    gateway: Gateway,
}

// === impl FrontDoor ===

impl FrontDoor {
    pub(super) fn new(config: &Config, hub: Router, gateway: Gateway) -> Self {
        Self {
            domain: config.domain.as_str().into(),
            hub,
            gateway,
        }
    }

    pub(super) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        match host_of(&request, &self.domain) {
            Host::Space(subdomain) => self.gateway.call(request, Target::Subdomain(subdomain)).await,
            Host::Control => match below_run(request.uri().path()) {
                Some(target) => self.gateway.call(request, target).await,
                None => {
                    let Ok(response) = self.hub.clone().oneshot(request).await;
                    response
                }
            },
            Host::Unknown => self.gateway.unknown_host(&request),
        }
    }

    /// Answers on the listener that is for metrics alone.
    pub(super) async fn metrics(&self, request: Request<Body>) -> Response<Body> {
        let _ = request;
        Response::new(Body::empty())
    }
}

/// The Space and the rest of the path in `/run/OWNER/NAME/…`.
fn below_run(path: &str) -> Option<Target> {
    let rest = path.strip_prefix("/run/")?;
    let (owner, rest) = rest.split_once('/')?;
    let (name, rest) = rest.split_once('/').map_or((rest, None), |(name, rest)| (name, Some(rest)));
    let name: SpaceName = format!("{owner}/{name}").parse().ok()?;
    Some(Target::Path {
        name,
        rest: rest.map(str::to_owned),
    })
}

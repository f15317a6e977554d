//! The front door: which host goes where.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use tower::ServiceExt;

use crate::domain::RepoName;
use crate::gateway::{Gateway, Host, Target};
use crate::telemetry::{Metrics, RequestKind};

/// Sends strangers' traffic to the gateway and everything else to the hub. Cheap to clone.
#[derive(Clone)]
pub(super) struct FrontDoor {
    hub: Router,
    gateway: Gateway,
    metrics: Arc<Metrics>,
}

// === impl FrontDoor ===

impl FrontDoor {
    pub(super) fn new(hub: Router, gateway: Gateway, metrics: Arc<Metrics>) -> Self {
        Self {
            hub,
            gateway,
            metrics,
        }
    }

    pub(super) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        match self.gateway.host_of(&request) {
            Host::Space(subdomain) => {
                self.gateway
                    .call(request, Target::Subdomain(subdomain))
                    .await
            }
            Host::Control => match below_run(request.uri().path()) {
                Some(target) => self.gateway.call(request, target).await,
                None => {
                    let Ok(response) = Box::pin(self.hub.clone().oneshot(request)).await;
                    self.metrics.request(RequestKind::Hub, response.status());
                    response
                }
            },
            Host::Unknown => self.gateway.unknown_host(&request),
        }
    }
}

/// The Space and the rest of the path in `/run/OWNER/NAME/…`.
fn below_run(path: &str) -> Option<Target> {
    let rest = path.strip_prefix("/run/")?;
    let (owner, rest) = rest.split_once('/')?;
    let (name, rest) = rest
        .split_once('/')
        .map_or((rest, None), |(name, rest)| (name, Some(rest)));
    let name: RepoName = format!("{owner}/{name}").parse().ok()?;
    Some(Target::Path {
        name,
        rest: rest.map(str::to_owned),
    })
}

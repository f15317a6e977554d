//! The front door: which host goes where.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use tower::ServiceExt;

use crate::gateway::{Destination, Gateway};
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
        match self.gateway.destination(&request) {
            Destination::Space(address) => self.gateway.call(request, address).await,
            Destination::Hub => {
                let Ok(response) = Box::pin(self.hub.clone().oneshot(request)).await;
                self.metrics.request(RequestKind::Hub, response.status());
                response
            }
            Destination::Nowhere { ambiguous } => self.gateway.nowhere(&request, ambiguous),
        }
    }
}

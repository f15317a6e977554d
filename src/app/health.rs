//! `/healthz`, `/readyz` and `/metrics`: for whoever watches the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use crate::auth::{Action, Auth, Object};
use crate::ledger::Ledger;
use crate::routes::RouteTable;
use crate::runtime::Runtimes;
use crate::runtime::wasm::WasmRuntime;
use crate::store::Store;
use crate::telemetry::{Gauges, Metrics};

/// What is looked at.
#[derive(Clone)]
pub(super) struct Health {
    pub(super) store: Store,
    pub(super) runtimes: Runtimes,
    pub(super) wasm: Arc<WasmRuntime>,
    pub(super) routes: RouteTable,
    pub(super) ledger: Ledger,
    pub(super) auth: Auth,
    pub(super) metrics: Arc<Metrics>,
    pub(super) exported_cpu_nanos: Arc<AtomicU64>,
    /// Metrics have a listener of their own, so the hub does not show them.
    pub(super) own_listener: bool,
}

pub(super) fn routes(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health)
}

/// Each thing the server needs, named, with `ok` or what is wrong with it.
async fn ready(State(health): State<Health>) -> Response {
    let store = health.store.health().await;
    if let Err(error) = &store {
        tracing::error!("the database does not answer: {error}");
    }
    let mut is_ready = store.is_ok();
    let mut runtimes = serde_json::Map::new();
    for runtime in health.runtimes.iter() {
        let trouble = runtime.trouble().await;
        // Without what runs elsewhere everything else works, so this keeps nobody from being sent here.
        is_ready &= trouble.is_none() || !runtime.is_in_process();
        runtimes.insert(runtime.name().to_owned(), trouble.unwrap_or("ok").into());
    }
    let store = match store.is_ok() {
        true => "ok",
        false => "does not answer",
    };
    let body = json!({ "store": store, "runtimes": runtimes });
    let status = match is_ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(body)).into_response()
}

async fn metrics(State(health): State<Health>, headers: HeaderMap) -> Response {
    let operator = match health.auth.authenticate(&headers).await {
        Ok(principal) => principal.may(Action::ReadMetrics, Object::Server),
        Err(_) => false,
    };
    if health.own_listener || !operator {
        let text = "only operators may read metrics: send an operator's token with the scope `write`, or set \
                    `metrics_listen`\n";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    health.encode()
}

// === impl Health ===

impl Health {
    /// The metrics as Prometheus reads them.
    pub(super) fn encode(&self) -> Response {
        let gauges = Gauges {
            spaces: self.routes.len(),
            programs_loaded: self.wasm.loaded(),
            memory_held: self.ledger.host().used(),
            memory_limit: self.ledger.host().limit(),
            cpu_held: self.ledger.host_cpu().used(),
            cpu_limit: self.ledger.host_cpu().limit(),
            builds_running: self.ledger.builds().0,
            builds_waiting: self.ledger.builds().1,
            starts_waiting: self.ledger.starts().len(),
        };
        let used = self.ledger.cpu_nanos();
        let before = self.exported_cpu_nanos.fetch_max(used, Ordering::Relaxed);
        let seconds = Duration::from_nanos(used.saturating_sub(before)).as_secs_f64();
        self.metrics.cpu_seconds.inc_by(seconds);
        self.metrics.usage(&self.ledger.booked());
        match self.metrics.encode(&gauges) {
            Ok(text) => (
                [(header::CONTENT_TYPE, crate::telemetry::CONTENT_TYPE)],
                text,
            )
                .into_response(),
            Err(error) => {
                tracing::error!("metrics could not be written: {error}");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

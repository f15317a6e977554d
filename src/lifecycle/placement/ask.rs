//! Questions of ours to a Space that runs.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};

use crate::domain::Space;
use crate::lifecycle::Lifecycle;
use crate::routes::Route;
use crate::upstream::{self, Upstream};

// === impl Lifecycle ===

impl Lifecycle {
    /// What a Space that runs at an address of its own answers to a GET of that path; `None` unless it is a 200 of at most
    /// `most` bytes that is whole within `patience`. One that sleeps, or runs in this process, is not asked, and none is
    /// kept awake by it.
    pub async fn ask(
        &self,
        space: &Space,
        path: &'static str,
        most: usize,
        patience: Duration,
    ) -> Option<Bytes> {
        let Route::Serving(serving) = self.parts.entry(space)?.route() else {
            return None;
        };
        let Upstream::Tcp(address) = serving.upstream else {
            return None;
        };
        // Counted, so that it is not taken away in the midst of its answer, but as no use of it.
        let visit = serving.glance();
        let request = Request::get(path)
            .header(header::HOST, address.to_string())
            .header(header::ACCEPT, "application/json")
            .body(Body::empty())
            .ok()?;
        let pool = Arc::clone(&visit.serving().connections);
        let answer = async {
            let response = upstream::call(&pool, address, request, patience)
                .await
                .ok()?;
            if response.status() != StatusCode::OK {
                return None;
            }
            let body = Limited::new(response.into_body(), most).collect().await;
            Some(body.ok()?.to_bytes())
        };
        tokio::time::timeout(patience, answer).await.ok()?
    }
}

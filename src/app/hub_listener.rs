//! The door for demos: the hub's API, answering on the networks of containers.
//!
//! A demo that loads a model by `huggingface_hub` asks this server for it, on a network that leads nowhere else. It
//! finds the API there and nothing more: no pages, no other Spaces, no metrics.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use futures_util::future::BoxFuture;
use http::Request;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::DropGuard;
use tower::ServiceExt;

use crate::config::Config;
use crate::runtime::ListenForGuests;
use crate::server::{self, Stop};

/// Opens the hub's API on the networks of containers.
pub(super) struct HubListener {
    config: Config,
    /// Containers that outlived the process before this one may ask before the hub stands.
    hub: watch::Sender<Option<Router>>,
    open: Mutex<HashMap<SocketAddr, Weak<DropGuard>>>,
}

/// Connections from one network that are served at once; one Space has no more of this server than that.
const CONNECTIONS: usize = 64;

/// Whoever leaves an address takes this long at most to have left.
const LEAVING: Duration = Duration::from_secs(2);
const TRY_AGAIN: Duration = Duration::from_millis(50);

// === impl HubListener ===

impl HubListener {
    pub(super) fn new(config: &Config) -> Arc<Self> {
        let mut config = config.clone();
        config.server.max_connections = CONNECTIONS;
        config.server.max_connections_per_address = Some(CONNECTIONS);
        // No proxy of ours stands in there.
        config.server.trusted_proxies.clear();
        Arc::new(Self {
            config,
            hub: watch::Sender::new(None),
            open: Mutex::default(),
        })
    }

    /// What is behind the door.
    pub(super) fn admit_to(&self, hub: Router) {
        let hub = hub.layer(axum::middleware::from_fn(server::drain_body));
        self.hub.send_replace(Some(hub));
    }

    fn serve(&self, listener: TcpListener) -> DropGuard {
        let stop = Stop::default();
        let closing = stop.closing.clone();
        let hub = self.hub.subscribe();
        let answer = move |request: Request<Body>| {
            let mut hub = hub.clone();
            async move {
                let hub = match hub.wait_for(Option::is_some).await {
                    Ok(hub) => hub.clone(),
                    Err(_) => None,
                };
                match hub {
                    Some(hub) => {
                        let Ok(response) = hub.oneshot(request).await;
                        response
                    }
                    // The server stops.
                    None => http::Response::new(Body::empty()),
                }
            }
        };
        let serving = server::serve(listener, &self.config, answer, stop);
        tokio::spawn(serving);
        closing.drop_guard()
    }
}

impl ListenForGuests for HubListener {
    fn open(&self, address: SocketAddr) -> BoxFuture<'_, anyhow::Result<Arc<dyn Send + Sync>>> {
        Box::pin(async move {
            let mut open = self.open.lock().await;
            open.retain(|_, guard| guard.strong_count() > 0);
            if let Some(guard) = open.get(&address).and_then(Weak::upgrade) {
                return Ok(guard as Arc<dyn Send + Sync>);
            }
            let listener = listen(address).await?;
            let guard = Arc::new(self.serve(listener));
            open.insert(address, Arc::downgrade(&guard));
            Ok(guard as Arc<dyn Send + Sync>)
        })
    }
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let until = tokio::time::Instant::now() + LEAVING;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(_) if tokio::time::Instant::now() < until => tokio::time::sleep(TRY_AGAIN).await,
            Err(error) => return Err(error).context("cannot listen on this address"),
        }
    }
}

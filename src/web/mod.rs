//! Pages for people: the start page, a page for each Space, error pages.
//!
//! They need no script and run none: the policy in [`headers`] forbids it. Everything an author wrote reaches a page as
//! escaped text. Nobody is signed in here, so a page shows what anybody may see.

mod assets;
mod error;
mod gallery;
mod headers;
mod look;
mod space;

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_response;
use axum::routing::get;

pub use error::PageError;

use crate::cards::Cards;
use crate::config::Config;
use crate::lifecycle::Lifecycle;
use crate::repo::Repos;
use crate::store::Store;

/// What pages are made from. Cheap to clone.
#[derive(Clone)]
pub struct WebState {
    /// Rows.
    pub store: Store,
    /// What runs.
    pub lifecycle: Lifecycle,
    /// Addresses.
    pub config: Arc<Config>,
    /// Titles, emojis, READMEs.
    pub cards: Cards,
}

// === impl WebState ===

impl WebState {
    /// From the rooms below.
    pub fn new(store: Store, repos: Repos, lifecycle: Lifecycle, config: Arc<Config>) -> Self {
        Self {
            store,
            lifecycle,
            config,
            cards: Cards::new(repos),
        }
    }
}

/// All pages. Its fallback is the page that says that there is none.
pub fn router(state: WebState) -> Router {
    Router::new()
        .route("/", get(gallery::page))
        .route("/spaces/{owner}/{name}", get(space::page))
        // Addresses that clients print after an upload; they lead to the Space until there are such pages.
        .route("/spaces/{owner}/{name}/tree/{*rest}", get(space::redirect))
        .route("/spaces/{owner}/{name}/blob/{*rest}", get(space::redirect))
        .route(
            "/spaces/{owner}/{name}/commit/{*rest}",
            get(space::redirect),
        )
        .route("/assets/style.css", get(assets::style))
        .fallback(error::no_page)
        .layer(map_response(headers::protect))
        .with_state(state)
}

//! Pages for people: the gallery, a Space's own pages, its owner's, publishing, an account's page, the operator's console,
//! the documents.
//!
//! A page is made on the server and works without scripts where it can; where it lives (a log that grows, a folder that
//! is dropped) a small script of ours is let in by the page's nonce, and nothing else is ([`headers`]). Everything an
//! author wrote reaches a page as escaped text, but for READMEs, of which [`markdown`] lets through what cannot act. Who
//! looks is a session in a cookie ([`visitor`]); what is changed is changed by forms that carry its token ([`posted`]).

mod account;
mod ansi;
mod assets;
mod chart;
mod documents;
mod error;
mod form;
mod frame;
mod gallery;
mod headers;
mod highlight;
mod markdown;
mod operator;
mod owner;
mod page_request;
mod publish;
mod showcase;
mod space;
mod summary;
mod text;
mod upload;
mod usage;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use http::HeaderMap;

pub use error::PageError;
pub use publish::Starter;

use crate::auth::Auth;
use crate::card_cache::CardCache;
use crate::config::Config;
use crate::domain::{Account, Owner};
use crate::ledger::Ledger;
use crate::lifecycle::Lifecycle;
use crate::repo::Repos;
use crate::store::Store;

/// The largest form, but for the one that files are uploaded with.
const MAX_FORM_BYTES: usize = 1 << 20;

/// The rooms that pages are made from.
pub struct WebParts {
    /// Rows.
    pub store: Store,
    /// Files.
    pub repos: Repos,
    /// Who looks.
    pub auth: Auth,
    /// What runs.
    pub lifecycle: Lifecycle,
    /// Who holds what.
    pub ledger: Ledger,
    /// Addresses and limits.
    pub config: Arc<Config>,
    /// Spaces to begin with.
    pub starters: Vec<Starter>,
}

/// What pages are made from. Cheap to clone.
#[derive(Clone)]
pub struct WebState {
    store: Store,
    repos: Repos,
    auth: Auth,
    lifecycle: Lifecycle,
    ledger: Ledger,
    config: Arc<Config>,
    starters: Arc<[Starter]>,
    cards: CardCache,
    showcase: showcase::Showcase,
    attempts: account::Attempts,
    rates: operator::Rates,
    apis: space::Apis,
}

// === impl WebState ===

impl WebState {
    /// From the rooms below.
    pub fn new(parts: WebParts) -> Self {
        Self {
            cards: CardCache::new(parts.repos.clone()),
            store: parts.store,
            repos: parts.repos,
            auth: parts.auth,
            lifecycle: parts.lifecycle,
            ledger: parts.ledger,
            config: parts.config,
            starters: parts.starters.into(),
            showcase: showcase::Showcase::default(),
            attempts: account::Attempts::default(),
            rates: operator::Rates::default(),
            apis: space::Apis::default(),
        }
    }

    /// The account of that name, in whatever case; `None` when there is none, or it is no name.
    async fn account_named(&self, name: &str) -> Result<Option<Account>, PageError> {
        match name.parse::<Owner>() {
            Ok(name) => Ok(self.store.account_by_name(&name).await?),
            Err(_) => Ok(None),
        }
    }
}

/// All pages. Its fallback is the page that says that there is none.
pub fn router(state: WebState) -> Router {
    Router::new()
        .route("/", get(gallery::page))
        .merge(space::routes())
        .merge(account::routes())
        .merge(operator::routes())
        .merge(owner::routes())
        .merge(documents::routes())
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .merge(publish::routes())
        .route("/assets/{name}", get(asset))
        .fallback(error::no_page)
        .layer(map_response(headers::protect))
        .with_state(state)
}

/// `GET /assets/{name}`
async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, PageError> {
    assets::asset(&name, &headers).ok_or(PageError::NotFound)
}

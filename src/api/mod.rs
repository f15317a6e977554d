//! The Hub's protocol: what `huggingface_hub`, `hf` and `gradio_client` speak, unmodified.
//!
//! Each handler asks for its repository through [`RepoAccess`], or [`SpaceAccess`] for what only Spaces have, calls the
//! room that does the work, and says the outcome in the Hub's words ([`schema`]). Changes go through [`Lifecycle`]; nothing
//! here decides what runs. [`endpoints`](endpoints()) names every route and who may call it.

mod access;
mod accounts;
mod commits;
mod control;
mod device;
mod endpoints;
mod error;
mod extract;
mod files;
mod git;
mod info;
mod kinds;
mod large;
mod likes;
mod lists;
mod logs;
mod openapi;
mod operator;
mod organizations;
mod quota;
mod refs;
mod repos;
mod schema;
mod secrets;
mod tokens;
mod usage;
mod volumes;
mod xet;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{any, delete, get, head, post, put};
use axum::{Extension, Json, Router};
use http::{Method, StatusCode, Uri};
use serde_json::{Value, json};

pub use access::{Caller, RepoAccess, SpaceAccess};
pub use endpoints::{Access, Endpoint, endpoints};
pub use error::ApiError;
pub use extract::{JsonBody, QueryPairs};

use self::kinds::EachKind;
use crate::auth::Auth;
use crate::cards::Cards;
use crate::config::Config;
use crate::domain::{RepoKind, SpaceName};
use crate::lifecycle::Lifecycle;
use crate::repo::Repos;
use crate::store::Store;

/// The largest body any route takes, but for the upload of files.
const MAX_BODY_BYTES: usize = 1 << 20;

/// What handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    /// Rows.
    pub store: Store,
    /// Files.
    pub repos: Repos,
    /// Who is asking.
    pub auth: Auth,
    /// Changes and what runs.
    pub lifecycle: Lifecycle,
    /// Addresses.
    pub config: Arc<Config>,
}

/// Everything below `/api`, and the files of repositories below `/spaces/OWNER/NAME/resolve` and the like.
///
/// A path below `/api` that is no route is answered here; others are left to whoever merges this router.
pub fn router(state: ApiState) -> Router {
    let cards = Cards::new(state.repos.clone());
    routes()
        .layer(Extension(cards))
        .layer(from_fn(error::redirect))
        .with_state(state)
}

fn routes() -> Router<ApiState> {
    Router::new()
        .merge(account_routes())
        .merge(repo_routes())
        .merge(space_routes())
        .merge(control_routes())
        .merge(ledger_routes())
        .merge(refs::routes())
        .merge(likes::routes())
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .merge(commits::routes())
        .merge(files::routes())
        .merge(git::routes())
        .merge(large::routes())
        .merge(xet::routes())
        .method_not_allowed_fallback(wrong_method)
}

fn ledger_routes() -> Router<ApiState> {
    Router::new()
        .route("/api/quota", get(quota::own))
        .route("/api/usage", get(usage::usage))
        .route("/api/admin/quotas/{user}", get(quota::show).put(quota::set))
        .route("/api/admin/capacity", get(operator::capacity))
        .route("/api/admin/top", get(operator::top))
        .route("/api/admin/audit", get(operator::audit))
        .route(
            "/api/admin/spaces/{owner}/{name}/disable",
            post(operator::disable),
        )
        .route(
            "/api/admin/spaces/{owner}/{name}/enable",
            post(operator::enable),
        )
}

fn account_routes() -> Router<ApiState> {
    Router::new()
        .route("/api/whoami-v2", get(accounts::whoami))
        .route("/api/users/{user}/overview", get(accounts::overview))
        .route("/api/admin/organizations", post(organizations::create))
        .route(
            "/api/organizations/{name}/overview",
            get(organizations::overview),
        )
        .route(
            "/api/organizations/{name}/members",
            get(organizations::members),
        )
        .route(
            "/api/organizations/{name}/members/{user}",
            put(organizations::set_member).delete(organizations::remove_member),
        )
        .route("/api/settings/repositories", get(accounts::repositories))
        .route("/api/tokens", get(tokens::list).post(tokens::create))
        .route("/api/tokens/{name}", delete(tokens::delete))
        .route(
            "/api/admin/users",
            get(accounts::list_users).post(accounts::create_user),
        )
        .route("/api/admin/users/{user}/reset", post(accounts::reset_user))
        .route("/oauth/device", post(device::begin))
        .route("/oauth/token", post(device::token))
        .route("/api/agent-harnesses", get(agent_harnesses))
        .route("/api/telemetry/{*topic}", head(telemetry))
        .route("/api/openapi.json", get(openapi::openapi))
        .route("/api/{*rest}", any(unknown))
}

/// What Spaces, models and datasets have in common.
fn repo_routes() -> Router<ApiState> {
    Router::new()
        .route("/api/repos/create", post(repos::create))
        .route("/api/repos/delete", delete(repos::delete))
        .route("/api/repos/move", post(repos::move_repo))
        .each_kind("/api/{kinds}", get(lists::list))
        .each_kind("/api/{kinds}/{name}", any(without_owner))
        .each_kind("/api/{kinds}/{owner}/{name}", get(info::info))
        .each_kind(
            "/api/{kinds}/{owner}/{name}/revision/{revision}",
            get(info::at_revision),
        )
        .each_kind(
            "/api/{kinds}/{owner}/{name}/auth-check",
            get(info::auth_check),
        )
        .each_kind(
            "/api/{kinds}/{owner}/{name}/auth-check/write",
            get(info::auth_check_write),
        )
        .each_kind(
            "/api/{kinds}/{owner}/{name}/discussions",
            get(info::discussions).post(no_discussions),
        )
        .each_kind("/api/{kinds}/{owner}/{name}/settings", put(repos::settings))
        .each_kind(
            "/api/{kinds}/{owner}/{name}/duplicate",
            post(repos::duplicate),
        )
}

fn space_routes() -> Router<ApiState> {
    Router::new()
        .route("/api/spaces/semantic-search", get(lists::search))
        .route("/api/spaces/templates", get(lists::templates))
        .route("/api/spaces/hardware", get(control::hardware_list))
        .route("/api/spaces/{owner}/{name}/host", get(info::host))
}

fn control_routes() -> Router<ApiState> {
    let secrets = get(secrets::list_secrets)
        .post(secrets::set_secret)
        .delete(secrets::delete_secret);
    let variables = get(secrets::list_variables)
        .post(secrets::set_variable)
        .delete(secrets::delete_variable);
    let volumes = put(volumes::set).delete(volumes::delete);
    let storage = post(control::storage).delete(control::storage);
    Router::new()
        .route("/api/spaces/{owner}/{name}/runtime", get(control::show))
        .route("/api/spaces/{owner}/{name}/restart", post(control::restart))
        .route("/api/spaces/{owner}/{name}/pause", post(control::pause))
        .route(
            "/api/spaces/{owner}/{name}/hardware",
            post(control::set_hardware),
        )
        .route(
            "/api/spaces/{owner}/{name}/sleeptime",
            post(control::set_sleep_time),
        )
        .route(
            "/api/spaces/{owner}/{name}/dev-mode",
            post(control::dev_mode),
        )
        .route(
            "/api/spaces/{owner}/{name}/replicas",
            post(control::replicas),
        )
        .route("/api/spaces/{owner}/{name}/volumes", volumes)
        .route("/api/spaces/{owner}/{name}/storage", storage)
        .route("/api/spaces/{owner}/{name}/secrets", secrets)
        .route("/api/spaces/{owner}/{name}/variables", variables)
        .route("/api/spaces/{owner}/{name}/logs/run", get(logs::run))
        .route("/api/spaces/{owner}/{name}/logs/build", get(logs::build))
}

/// Which agents `hf` should look for; it asks at every start until it has an answer to keep.
async fn agent_harnesses() -> Json<Value> {
    Json(json!({ "standardEnvVars": [], "harnesses": {} }))
}

/// Clients report their use here. It is not kept.
async fn telemetry() -> StatusCode {
    StatusCode::NO_CONTENT
}

async fn no_discussions() -> ApiError {
    ApiError::not_offered("discussions and pull requests; commit to `main` or to a branch")
}

async fn without_owner() -> ApiError {
    ApiError::repo_not_found()
}

/// What the Hub has below these, and is not routed here, is said to be missing on purpose.
const HUB_ONLY: [&str; 6] = [
    "collections",
    "organizations",
    "settings",
    "papers",
    "jobs",
    "buckets",
];

async fn unknown(method: Method, uri: Uri) -> ApiError {
    let mut parts = uri.path().split('/').skip(2);
    let first = parts.next().unwrap_or_default();
    let of_a_repository = RepoKind::ALL.iter().any(|kind| kind.plural() == first);
    if of_a_repository {
        let (owner, name) = (parts.next(), parts.next());
        let name = format!("{}/{}", owner.unwrap_or_default(), name.unwrap_or_default());
        if name.parse::<SpaceName>().is_err() {
            return ApiError::repo_not_found();
        }
    }
    if of_a_repository || HUB_ONLY.contains(&first) {
        return ApiError::not_offered(&format!("{method} {}", uri.path()));
    }
    ApiError::not_found(format!("Glasshouse has no route {method} {}", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> (StatusCode, ApiError) {
    let message = format!("{} does not take {method}", uri.path());
    (StatusCode::METHOD_NOT_ALLOWED, ApiError::not_found(message))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use super::*;

    const METHODS: [&str; 7] = ["get", "head", "delete", "options", "patch", "post", "put"];

    /// The router's routes as `METHOD path`, read from its debug text: there is no other way to ask it.
    fn registered() -> BTreeSet<String> {
        let text = format!("{:?}", routes());
        let (mut methods, mut paths) = (HashMap::new(), HashMap::new());
        for piece in text.split("RouteId(").skip(1) {
            let (id, rest) = piece.split_once("): ").unwrap_or_default();
            if let Some(rest) = rest.strip_prefix('"') {
                // The inner router of fallbacks comes later and counts from the beginning again.
                paths
                    .entry(id)
                    .or_insert(rest.split('"').next().unwrap_or_default());
            } else if rest.starts_with("MethodRouter") {
                let taken = METHODS
                    .iter()
                    .filter(|method| !rest.contains(&format!("{method}: None")));
                let taken: Vec<_> = taken.map(|method| method.to_uppercase()).collect();
                methods.entry(id).or_insert(taken);
            }
        }
        let mut found = BTreeSet::new();
        for (id, path) in paths {
            match methods[id].as_slice() {
                [] => drop(found.insert(format!("* {path}"))),
                methods => found.extend(methods.iter().map(|method| format!("{method} {path}"))),
            }
        }
        found
    }

    #[test]
    fn every_route_is_in_the_table() {
        let endpoints = endpoints();
        let listed: BTreeSet<_> = endpoints
            .iter()
            .map(|endpoint| format!("{} {}", endpoint.method, endpoint.path))
            .collect();
        assert_eq!(listed.len(), endpoints.len(), "a route is listed twice");
        assert_eq!(registered(), listed);
    }
}

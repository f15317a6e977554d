//! The Hub's protocol: what `huggingface_hub`, `hf` and `gradio_client` speak, unmodified.
//!
//! Each handler asks for its repository through [`RepoAccess`], or [`SpaceAccess`] for what only Spaces have, calls the
//! room that does the work, and says the outcome in the Hub's words ([`schema`]). Changes go through [`Lifecycle`]; nothing
//! here decides what runs. Each route is declared once, with who may call it and what it does ([`table`]); what it takes and
//! answers is read from its handler ([`describe`]), and all of it is served as OpenAPI ([`openapi`]).

mod access;
mod accounts;
mod answers;
mod clients;
mod commits;
mod describe;
mod error;
mod extract;
mod facts;
mod files;
mod git;
mod info;
mod large;
mod lenient_integer;
mod likes;
mod lists;
mod logs;
mod moved;
mod oauth;
mod openapi;
mod operator;
mod organizations;
mod query;
mod quota;
mod refs;
mod repos;
mod runtime;
mod schema;
mod secrets;
mod space_lifecycle;
mod table;
mod tokens;
mod usage;
mod volumes;
mod xet;

use std::sync::Arc;

use axum::middleware::from_fn;
use axum::{Extension, Router};
use http::{Method, StatusCode, Uri};

pub use access::{Caller, RepoAccess, SpaceAccess};
pub use error::ApiError;
pub use table::{Access, Endpoint};

use self::Access::{Account, Anyone, Filtered, Reader, Visitor, Writer};
use self::answers::NotOffered;
use self::table::Routes;
use crate::auth::Auth;
use crate::card_cache::CardCache;
use crate::config::Config;
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
    let cards = CardCache::new(state.repos.clone());
    routes()
        .into_router()
        .method_not_allowed_fallback(wrong_method)
        .layer(Extension(cards))
        .layer(Extension(oauth::Failures::default()))
        .layer(from_fn(oauth::open_to_pages))
        .layer(from_fn(moved::redirect))
        .with_state(state)
}

/// All routes of this room.
pub fn endpoints() -> Vec<Endpoint> {
    routes().into_endpoints()
}

fn routes() -> Routes {
    Routes::new()
        .merge(accounts::routes())
        .merge(organizations::routes())
        .merge(tokens::routes())
        .merge(oauth::routes())
        .merge(quota::routes())
        .merge(usage::routes())
        .merge(operator::routes())
        .merge(clients::routes())
        .merge(repo_routes())
        .merge(space_routes())
        .merge(control_routes())
        .merge(refs::routes())
        .merge(likes::routes())
        .with_body_limit(MAX_BODY_BYTES)
        .merge(commits::routes())
        .merge(files::routes())
        .merge(git::routes())
        .merge(large::routes())
        .merge(xet::routes())
}

/// What Spaces, models and datasets have in common.
fn repo_routes() -> Routes {
    let discussions = "/api/{kinds}/{owner}/{name}/discussions";
    Routes::new()
        .post(
            "/api/repos/create",
            Account,
            "Creates a repository.",
            repos::create,
        )
        .delete(
            "/api/repos/delete",
            Account,
            "Deletes a repository and everything in it.",
            repos::delete,
        )
        .post(
            "/api/repos/move",
            Account,
            "Renames a repository or moves it to another owner.",
            repos::move_repo,
        )
        .get(
            "/api/{kinds}",
            Filtered,
            "Lists repositories of one kind, most recently changed first.",
            lists::list,
        )
        .any("/api/{kinds}/{name}", Anyone, "", without_owner)
        .get(
            "/api/{kinds}/{owner}/{name}",
            Visitor,
            "Describes a repository.",
            info::info,
        )
        .get(
            "/api/{kinds}/{owner}/{name}/revision/{revision}",
            Reader,
            "Describes a repository at a revision.",
            info::at_revision,
        )
        .get(
            "/api/{kinds}/{owner}/{name}/auth-check",
            Reader,
            "Checks whether you may read a repository.",
            info::auth_check,
        )
        .get(
            "/api/{kinds}/{owner}/{name}/auth-check/write",
            Writer,
            "Checks whether you may change a repository.",
            info::auth_check_write,
        )
        .get(
            discussions,
            Reader,
            "Lists discussions: there are none.",
            info::discussions,
        )
        .post(discussions, Anyone, "Starts a discussion.", no_discussions)
        .put(
            "/api/{kinds}/{owner}/{name}/settings",
            Writer,
            "Changes who may see a repository.",
            repos::settings,
        )
        .post(
            "/api/{kinds}/{owner}/{name}/duplicate",
            Account,
            "Duplicates a repository with its files, history and variables, but without its secrets.",
            repos::duplicate,
        )
}

fn space_routes() -> Routes {
    Routes::new()
        .get(
            "/api/spaces/semantic-search",
            Filtered,
            "Searches Spaces.",
            lists::search,
        )
        .get(
            "/api/spaces/templates",
            Anyone,
            "Lists templates for Spaces: there are none.",
            lists::templates,
        )
        .get(
            "/api/spaces/hardware",
            Anyone,
            "Lists the hardware that Spaces can run on.",
            space_lifecycle::hardware_list,
        )
        .get(
            "/api/spaces/{owner}/{name}/host",
            Visitor,
            "Returns the address of a Space's demo.",
            info::host,
        )
}

fn control_routes() -> Routes {
    let (runtime, restart) = (
        "/api/spaces/{owner}/{name}/runtime",
        "/api/spaces/{owner}/{name}/restart",
    );
    let (pause, hardware) = (
        "/api/spaces/{owner}/{name}/pause",
        "/api/spaces/{owner}/{name}/hardware",
    );
    let sleep_time = "/api/spaces/{owner}/{name}/sleeptime";
    let (volumes, storage) = (
        "/api/spaces/{owner}/{name}/volumes",
        "/api/spaces/{owner}/{name}/storage",
    );
    let (secrets, variables) = (
        "/api/spaces/{owner}/{name}/secrets",
        "/api/spaces/{owner}/{name}/variables",
    );
    Routes::new()
        .get(
            runtime,
            Visitor,
            "Shows a Space's runtime: its stage, hardware, limits and usage.",
            space_lifecycle::show,
        )
        .post(
            restart,
            Writer,
            "Restarts a Space.",
            space_lifecycle::restart,
        )
        .post(
            pause,
            Writer,
            "Pauses a Space until it is restarted.",
            space_lifecycle::pause,
        )
        .post(
            hardware,
            Writer,
            "Changes a Space's hardware.",
            space_lifecycle::set_hardware,
        )
        .post(
            sleep_time,
            Writer,
            "Changes a Space's sleep time.",
            space_lifecycle::set_sleep_time,
        )
        .post(
            "/api/spaces/{owner}/{name}/dev-mode",
            Anyone,
            "Turns Dev Mode on or off.",
            space_lifecycle::dev_mode,
        )
        .post(
            "/api/spaces/{owner}/{name}/replicas",
            Anyone,
            "Replicas.",
            space_lifecycle::replicas,
        )
        .put(
            volumes,
            Writer,
            "Sets the volumes that are mounted into a Space.",
            volumes::set,
        )
        .delete(
            volumes,
            Writer,
            "Removes all volumes of a Space.",
            volumes::delete,
        )
        .post(
            storage,
            Anyone,
            "Requests persistent storage, which the Hub no longer offers.",
            space_lifecycle::storage,
        )
        .delete(
            storage,
            Anyone,
            "Removes persistent storage, which the Hub no longer offers.",
            space_lifecycle::storage,
        )
        .get(
            secrets,
            Writer,
            "Lists the names of a Space's secrets.",
            secrets::list_secrets,
        )
        .post(secrets, Writer, "Sets a secret.", secrets::set_secret)
        .delete(secrets, Writer, "Removes a secret.", secrets::delete_secret)
        .get(
            variables,
            Reader,
            "Lists a Space's variables.",
            secrets::list_variables,
        )
        .post(variables, Writer, "Sets a variable.", secrets::set_variable)
        .delete(
            variables,
            Writer,
            "Removes a variable.",
            secrets::delete_variable,
        )
        .get(
            "/api/spaces/{owner}/{name}/logs/run",
            Writer,
            "Streams a Space's run log.",
            logs::run,
        )
        .get(
            "/api/spaces/{owner}/{name}/logs/build",
            Writer,
            "Streams a Space's build log.",
            logs::build,
        )
}

async fn no_discussions() -> NotOffered {
    NotOffered("discussions and pull requests; commit to `main` or to a branch instead")
}

async fn without_owner() -> ApiError {
    ApiError::repo_not_found()
}

async fn wrong_method(method: Method, uri: Uri) -> (StatusCode, ApiError) {
    let message = format!("{} does not accept {method}", uri.path());
    (StatusCode::METHOD_NOT_ALLOWED, ApiError::not_found(message))
}

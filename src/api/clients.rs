//! What clients ask for their own sake, and what becomes of questions that nothing here answers.

use std::collections::BTreeMap;

use axum::Json;
use http::{Method, Uri};
use schemars::JsonSchema;
use serde::Serialize;

use super::Access::Anyone;
use super::answers::NoContent;
use super::table::Routes;
use super::{ApiError, openapi};
use crate::domain::{RepoKind, RepoName};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get(
            "/api/agent-harnesses",
            Anyone,
            "Lists the agents that `hf` should look for: none.",
            agent_harnesses,
        )
        .head(
            "/api/telemetry/{*topic}",
            Anyone,
            "Accepts reports of how clients are used, and discards them.",
            telemetry,
        )
        .get(
            "/api/openapi.json",
            Anyone,
            "Returns this document.",
            openapi::openapi,
        )
        .any("/api/{*rest}", Anyone, "", unknown)
}

/// What agents to look for.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AgentHarnesses {
    standard_env_vars: Vec<String>,
    harnesses: BTreeMap<String, String>,
}

/// Which agents `hf` should look for; it asks at every start until it has an answer to keep.
async fn agent_harnesses() -> Json<AgentHarnesses> {
    Json(AgentHarnesses::default())
}

/// Clients report their use here. It is not kept.
async fn telemetry() -> NoContent {
    NoContent
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
        if name.parse::<RepoName>().is_err() {
            return ApiError::repo_not_found();
        }
    }
    if of_a_repository || HUB_ONLY.contains(&first) {
        return ApiError::not_offered(&format!("{method} {}", uri.path()));
    }
    ApiError::not_found(format!(
        "Glasshouse has no route for {method} {}",
        uri.path()
    ))
}

//! The batch API of git-lfs as it goes over the wire.

use std::collections::BTreeMap;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::ApiError;
use crate::api::describe::{Operation, Output};
use crate::api::lenient_integer::whole;

/// Objects of one batch.
pub(super) const MAX_OBJECTS: usize = 1000;

/// Large files that are to be sent or fetched.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Batch {
    #[schemars(extend("enum" = ["upload", "download"]))]
    pub(super) operation: String,
    #[schemars(length(max = MAX_OBJECTS))]
    pub(super) objects: Vec<Object>,
    /// Ways of sending that the client knows; `basic` when nothing is said.
    #[serde(default)]
    #[schemars(!default, extend("contains" = {"const": "basic"}))]
    pub(super) transfers: Vec<String>,
    #[schemars(extend("enum" = ["sha256", "sha_256", null]))]
    pub(super) hash_algo: Option<String>,
}

/// A large file.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Object {
    /// SHA-256.
    pub(super) oid: String,
    /// Bytes.
    #[serde(deserialize_with = "whole")]
    pub(super) size: u64,
}

/// How each file is to be sent or fetched.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct BatchAnswer {
    pub(super) transfer: &'static str,
    pub(super) objects: Vec<ObjectAnswer>,
    pub(super) hash_algo: &'static str,
}

/// How a file is to be sent or fetched. One that is there already has no actions.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ObjectAnswer {
    pub(super) oid: String,
    pub(super) size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) authenticated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) actions: Option<Actions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<ObjectError>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Actions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) upload: Option<LfsAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verify: Option<LfsAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) download: Option<LfsAction>,
}

/// A request to a signed address.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct LfsAction {
    pub(super) href: String,
    /// In parts: their addresses by number, and `chunk_size`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) header: Option<BTreeMap<String, String>>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires_in: Option<i64>,
}

/// Why a file cannot be sent or fetched.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ObjectError {
    /// An HTTP status.
    pub(super) code: u16,
    pub(super) message: String,
}

/// An error in the words of both kinds of clients.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct LfsError {
    pub(super) message: String,
    pub(super) error: String,
}

/// What a signed address says.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SignedQuery {
    /// Of the file that may be sent, in bytes.
    pub(super) size: Option<u64>,
    /// Unix milliseconds.
    pub(super) until: Option<u64>,
    pub(super) signature: Option<String>,
}

/// An answer in the form that git-lfs reads.
#[derive(Debug)]
pub(super) struct Lfs<T>(pub(super) Result<T, ApiError>);

pub(super) const LFS_JSON: &str = "application/vnd.git-lfs+json";

impl ObjectAnswer {
    pub(super) fn of(object: &Object) -> Self {
        Self {
            oid: object.oid.clone(),
            size: object.size,
            authenticated: None,
            actions: None,
            error: None,
        }
    }
}

impl LfsAction {
    pub(super) fn to(href: String) -> Self {
        Self {
            href,
            header: None,
            expires_in: None,
        }
    }
}

impl<T: Serialize> IntoResponse for Lfs<T> {
    fn into_response(self) -> Response {
        let mut response = match self.0 {
            Ok(answer) => Json(answer).into_response(),
            Err(error) => refusal(error),
        };
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(LFS_JSON));
        response
    }
}

impl<T: JsonSchema> Output for Lfs<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.answers::<T>(200, LFS_JSON, "As asked.");
        operation.fails_with::<LfsError>(LFS_JSON);
    }
}

fn refusal(error: ApiError) -> Response {
    let body = LfsError {
        message: error.message().to_owned(),
        error: error.message().to_owned(),
    };
    let asks = error.status() == StatusCode::UNAUTHORIZED;
    let mut response = error.into_response();
    *response.body_mut() = json!(body).to_string().into();
    response.headers_mut().remove(header::CONTENT_LENGTH);
    if asks {
        let how = HeaderValue::from_static("Basic realm=\"user name and token\"");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, how.clone());
        response.headers_mut().insert("lfs-authenticate", how);
    }
    response
}

//! Answers in OAuth's words.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::answers::JSON;
use crate::api::describe::{Operation, Output};

/// Why there is no token, or none yet (RFC 6749 §5.2).
#[derive(Debug, Serialize, JsonSchema)]
struct OAuthError {
    error: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<String>,
}

/// An answer in OAuth's words.
#[derive(Debug)]
pub(super) enum Answer<T> {
    Good(T),
    /// 400, and why.
    Refused(&'static str, Option<String>),
    /// 401: the client is not who it says it is.
    WrongClient(&'static str),
    /// 429, why, and for how long.
    TooMany(String, Duration),
}

// === impl Answer ===

impl<T> Answer<T> {
    /// With nothing to be said beside the word.
    pub(super) fn refused(word: &'static str) -> Self {
        Self::Refused(word, None)
    }

    /// What was shown for a token is worth none.
    pub(super) fn invalid_grant(why: impl ToString) -> Self {
        Self::Refused("invalid_grant", Some(why.to_string()))
    }

    /// The request itself makes no sense.
    pub(super) fn invalid_request(why: &str) -> Self {
        Self::Refused("invalid_request", Some(why.to_owned()))
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let error = |error, error_description| {
            Json(OAuthError {
                error,
                error_description,
            })
        };
        match self {
            Self::Good(body) => Json(body).into_response(),
            Self::Refused(word, why) => (StatusCode::BAD_REQUEST, error(word, why)).into_response(),
            Self::WrongClient(why) => {
                let scheme = [(header::WWW_AUTHENTICATE, "Basic realm=\"Glasshouse\"")];
                let body = error("invalid_client", Some(why.to_owned()));
                (StatusCode::UNAUTHORIZED, scheme, body).into_response()
            }
            Self::TooMany(why, wait) => {
                let wait = [(header::RETRY_AFTER, wait.as_secs())];
                let body = error("slow_down", Some(why));
                (StatusCode::TOO_MANY_REQUESTS, wait, body).into_response()
            }
        }
    }
}

impl<T: JsonSchema> Output for Answer<T> {
    fn describe(operation: &mut Operation<'_>) {
        Json::<T>::describe(operation);
        operation.fails_with::<OAuthError>(JSON);
    }
}

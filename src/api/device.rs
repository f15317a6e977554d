//! Signing in by a code (RFC 8628), as `hf auth login` does it.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answers::JSON;
use super::describe::{Input, Operation, Output};
use super::table::{Access, Routes};
use super::{ApiError, ApiState};
use crate::auth::{DEVICE_CODE_INTERVAL, DEVICE_CODE_LIFE, DeviceAnswer};
use crate::base_url::BaseUrl;
use crate::server::Client;

/// The only grant there is.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What a program asks with until its person has entered the code.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct TokenForm {
    #[serde(default)]
    #[schemars(!default, extend("const" = GRANT))]
    grant_type: String,
    #[serde(default)]
    device_code: String,
}

/// Codes for a program and its person (RFC 8628 §3.2). Times are in seconds.
#[derive(Debug, Serialize, JsonSchema)]
struct DeviceCodes {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: u64,
    interval: u64,
}

/// A token for the program (RFC 6749 §5.1).
#[derive(Debug, Serialize, JsonSchema)]
struct GrantedToken {
    access_token: String,
    token_type: &'static str,
}

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
    /// 400
    Refused(&'static str),
    /// 429, and why.
    TooMany(String),
}

pub(super) fn routes() -> Routes {
    Routes::new()
        .post(
            "/oauth/device",
            Access::Anyone,
            "Starts a device sign-in: the user enters the code on the page (RFC 8628).",
            begin,
        )
        .post(
            "/oauth/token",
            Access::Anyone,
            "Returns the program's token once its user has approved it, or an error code that says why there is none \
             yet.",
            token,
        )
}

/// `POST /oauth/device`. Every program may ask; none is known by its `client_id`.
async fn begin(
    State(state): State<ApiState>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Answer<DeviceCodes> {
    let codes = match state.auth.begin_device(client.peer.client) {
        Ok(codes) => codes,
        Err(refused) => return Answer::TooMany(refused.to_string()),
    };
    let page = format!("{}/login/device", BaseUrl::of(&state.config, &headers));
    Answer::Good(DeviceCodes {
        device_code: codes.device.expose().to_owned(),
        verification_uri_complete: format!("{page}?code={}", codes.user),
        user_code: codes.user,
        verification_uri: page,
        expires_in: DEVICE_CODE_LIFE.as_secs(),
        interval: DEVICE_CODE_INTERVAL.as_secs(),
    })
}

/// `POST /oauth/token`
async fn token(
    State(state): State<ApiState>,
    Form(asked): Form<TokenForm>,
) -> Result<Answer<GrantedToken>, ApiError> {
    if asked.grant_type != GRANT {
        return Ok(Answer::Refused("unsupported_grant_type"));
    }
    Ok(match state.auth.redeem_device(&asked.device_code).await? {
        DeviceAnswer::Pending => Answer::Refused("authorization_pending"),
        DeviceAnswer::SlowDown => Answer::Refused("slow_down"),
        DeviceAnswer::Denied => Answer::Refused("access_denied"),
        DeviceAnswer::Expired => Answer::Refused("expired_token"),
        DeviceAnswer::Token(token) => Answer::Good(GrantedToken {
            access_token: token.expose().to_owned(),
            token_type: "bearer",
        }),
    })
}

impl Input for Form<TokenForm> {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes::<TokenForm>(&["application/x-www-form-urlencoded"]);
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
            Self::Refused(word) => (StatusCode::BAD_REQUEST, error(word, None)).into_response(),
            Self::TooMany(why) => {
                let wait = [(header::RETRY_AFTER, DEVICE_CODE_LIFE.as_secs())];
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

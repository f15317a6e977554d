//! Signing in by a code (RFC 8628), as `hf auth login` does it.

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use super::{ApiError, ApiState};
use crate::arrival::Arrival;
use crate::auth::{DEVICE_CODE_INTERVAL, DEVICE_CODE_LIFE, DeviceAnswer};
use crate::server::Client;

/// The only grant there is.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[derive(Debug, Default, Deserialize)]
pub(super) struct TokenForm {
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    device_code: String,
}

/// `POST /oauth/device`. Every program may ask; none is known by its `client_id`.
pub(super) async fn begin(
    State(state): State<ApiState>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
) -> Response {
    let codes = match state.auth.begin_device(client.peer.client) {
        Ok(codes) => codes,
        Err(refused) => {
            let wait = [(header::RETRY_AFTER, DEVICE_CODE_LIFE.as_secs())];
            let body = json!({ "error": "slow_down", "error_description": refused.to_string() });
            return (StatusCode::TOO_MANY_REQUESTS, wait, Json(body)).into_response();
        }
    };
    let page = format!("{}/login/device", Arrival::of(&state.config, &headers));
    Json(json!({
        "device_code": codes.device.expose(),
        "user_code": codes.user,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?code={}", codes.user),
        "expires_in": DEVICE_CODE_LIFE.as_secs(),
        "interval": DEVICE_CODE_INTERVAL.as_secs(),
    }))
    .into_response()
}

/// `POST /oauth/token`
pub(super) async fn token(
    State(state): State<ApiState>,
    Form(asked): Form<TokenForm>,
) -> Result<Response, ApiError> {
    let error =
        |word: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": word }))).into_response();
    if asked.grant_type != GRANT {
        return Ok(error("unsupported_grant_type"));
    }
    Ok(match state.auth.redeem_device(&asked.device_code).await? {
        DeviceAnswer::Pending => error("authorization_pending"),
        DeviceAnswer::SlowDown => error("slow_down"),
        DeviceAnswer::Denied => error("access_denied"),
        DeviceAnswer::Expired => error("expired_token"),
        DeviceAnswer::Token(token) => Json(json!({
            "access_token": token.expose(),
            "token_type": "bearer",
        }))
        .into_response(),
    })
}

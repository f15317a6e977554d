//! Signing in by a code (RFC 8628), as `hf auth login` does it.

use axum::Extension;
use axum::extract::State;
use http::HeaderMap;
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::Answer;
use crate::api::ApiState;
use crate::api::table::{Access, Routes};
use crate::auth::{DEVICE_CODE_INTERVAL, DEVICE_CODE_LIFE};
use crate::base_url::BaseUrl;
use crate::server::Client;

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

pub(super) fn routes() -> Routes {
    Routes::new().post(
        "/oauth/device",
        Access::Anyone,
        "Starts a device sign-in: the user enters the code on the page (RFC 8628).",
        begin,
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
        Err(refused) => return Answer::TooMany(refused.to_string(), DEVICE_CODE_LIFE),
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

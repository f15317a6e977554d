//! What the server says of itself as an OpenID provider, and of whoever has signed in.

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::token::GRANTS;
use crate::api::access::Caller;
use crate::api::table::{Access, Routes};
use crate::api::{ApiError, ApiState};
use crate::auth::{Action, Credential, id_claims};
use crate::base_url::BaseUrl;
use crate::domain::OAuthScope;

/// OpenID Connect Discovery 1.0 §4.
pub(super) const DISCOVERY: &str = "/.well-known/openid-configuration";

pub(super) fn routes() -> Routes {
    Routes::new()
        .get(
            DISCOVERY,
            Access::Anyone,
            "Describes the server as an OpenID provider.",
            discovery,
        )
        .get(
            "/oauth/jwks",
            Access::Anyone,
            "Lists the keys that ID tokens are signed with.",
            jwks,
        )
        .get(
            "/oauth/userinfo",
            Access::Account,
            "Shows who signed in, to the Space whose access token the request is made with.",
            userinfo,
        )
        .post(
            "/oauth/userinfo",
            Access::Account,
            "Shows who signed in, to the Space whose access token the request is made with.",
            userinfo,
        )
}

/// `GET /.well-known/openid-configuration`. A Space asks at an address that only Spaces find, and is answered for it; but
/// people are led to the one that they find.
async fn discovery(State(state): State<ApiState>, headers: HeaderMap) -> Json<Map<String, Value>> {
    let issuer = BaseUrl::of(&state.config, &headers).to_string();
    let hub = state.config.hub_url();
    let scopes = OAuthScope::ALL.map(OAuthScope::as_str);
    let document = [
        ("issuer", json!(issuer)),
        (
            "authorization_endpoint",
            json!(format!("{hub}/oauth/authorize")),
        ),
        ("token_endpoint", json!(format!("{issuer}/oauth/token"))),
        (
            "userinfo_endpoint",
            json!(format!("{issuer}/oauth/userinfo")),
        ),
        ("jwks_uri", json!(format!("{issuer}/oauth/jwks"))),
        (
            "revocation_endpoint",
            json!(format!("{issuer}/oauth/revoke")),
        ),
        (
            "device_authorization_endpoint",
            json!(format!("{issuer}/oauth/device")),
        ),
        ("response_types_supported", json!(["code"])),
        ("response_modes_supported", json!(["query"])),
        ("grant_types_supported", json!(GRANTS)),
        ("subject_types_supported", json!(["public"])),
        ("id_token_signing_alg_values_supported", json!(["ES256"])),
        ("scopes_supported", json!(scopes)),
        (
            "token_endpoint_auth_methods_supported",
            json!(["client_secret_basic", "client_secret_post", "none"]),
        ),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("prompt_values_supported", json!(["none", "consent"])),
        (
            "claims_supported",
            json!([
                "iss",
                "sub",
                "aud",
                "exp",
                "iat",
                "nonce",
                "at_hash",
                "name",
                "preferred_username",
                "profile",
                "picture",
                "isPro",
                "orgs",
            ]),
        ),
    ];
    let document = document.into_iter();
    Json(
        document
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

/// `GET /oauth/jwks`
async fn jwks(State(state): State<ApiState>) -> Json<Map<String, Value>> {
    match state.auth.id_token_keys() {
        Value::Object(keys) => Json(keys),
        _ => Json(Map::new()),
    }
}

/// `GET` and `POST /oauth/userinfo` (OpenID Connect Core 1.0 §5.3)
async fn userinfo(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<Map<String, Value>>, ApiError> {
    let caller = Caller::of_own(&state, &headers, Action::ReadAccount).await?;
    let scopes = match caller.principal.credential {
        Some(Credential::Application(scopes)) if scopes.has(OAuthScope::OpenId) => scopes,
        _ => {
            let text = "This needs an access token with the scope `openid`, which a Space is given when somebody \
                        signs in there";
            return Err(ApiError::forbidden(text));
        }
    };
    let memberships = &caller.principal.memberships;
    let hub = state.config.hub_url();
    Ok(Json(id_claims(&caller.account, memberships, scopes, &hub)))
}

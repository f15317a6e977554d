//! Tokens for programs and for Spaces, and their end.

use axum::Extension;
use axum::extract::{Form, State};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::client::{Failures, OAuthClient, Shown, WINDOW};
use crate::api::answers::Done;
use crate::api::describe::{Input, Operation};
use crate::api::table::{Access, Routes};
use crate::api::{ApiError, ApiState};
use crate::auth::{DeviceAnswer, OAuthTokens};
use crate::base_url::BaseUrl;
use crate::card_cache::CardCache;
use crate::domain::OAuthScope;
use crate::server::Client;

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const CODE: &str = "authorization_code";
const REFRESH: &str = "refresh_token";

/// What there are tokens for.
pub(super) const GRANTS: [&str; 3] = [CODE, REFRESH, DEVICE];

/// What a client asks with; which of it counts is said by `grant_type`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct TokenForm {
    #[serde(default)]
    #[schemars(!default, extend("enum" = GRANTS))]
    grant_type: String,
    #[serde(default)]
    device_code: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    redirect_uri: String,
    #[serde(default)]
    code_verifier: String,
    #[serde(default)]
    refresh_token: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
}

/// What is to be worth nothing any more (RFC 7009 §2.1).
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct RevokeForm {
    #[serde(default)]
    #[schemars(!default)]
    token: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
}

/// A token (RFC 6749 §5.1). Times are in seconds.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct GrantedToken {
    access_token: String,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Who signed in (OpenID Connect Core 1.0 §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

const TOO_MANY: &str = "too many requests from your address have failed; wait five minutes";

pub(super) fn routes() -> Routes {
    Routes::new()
        .post(
            "/oauth/token",
            Access::Anyone,
            "Returns a token for an authorization code, a refresh token, or a device code once its user has approved it.",
            token,
        )
        .post(
            "/oauth/revoke",
            Access::Anyone,
            "Revokes a token that a Space was given by signing somebody in, and all that were given with it (RFC 7009).",
            revoke,
        )
}

/// `POST /oauth/token`
async fn token(
    State(state): State<ApiState>,
    Extension(cards): Extension<CardCache>,
    Extension(failures): Extension<Failures>,
    Extension(from): Extension<Client>,
    headers: HeaderMap,
    Form(asked): Form<TokenForm>,
) -> Result<Answer<GrantedToken>, ApiError> {
    match &*asked.grant_type {
        DEVICE => return by_device(&state, &asked).await,
        CODE | REFRESH => {}
        _ => return Ok(Answer::refused("unsupported_grant_type")),
    }
    let address = from.peer.client;
    if !failures.begin(address) {
        return Ok(Answer::TooMany(TOO_MANY.to_owned(), WINDOW));
    }
    let shown = Shown {
        id: &asked.client_id,
        secret: &asked.client_secret,
    };
    let answer = match OAuthClient::of(&state, &cards, &headers, &shown).await? {
        Err(refused) => refused,
        Ok(client) if asked.grant_type == CODE => {
            by_code(&state, &headers, &client, &asked).await?
        }
        Ok(client) => by_refresh(&state, &headers, &client, &asked).await?,
    };
    if matches!(answer, Answer::Good(_)) {
        failures.succeeded(address);
    }
    Ok(answer)
}

async fn by_device(state: &ApiState, asked: &TokenForm) -> Result<Answer<GrantedToken>, ApiError> {
    Ok(match state.auth.redeem_device(&asked.device_code).await? {
        DeviceAnswer::Pending => Answer::refused("authorization_pending"),
        DeviceAnswer::SlowDown => Answer::refused("slow_down"),
        DeviceAnswer::Denied => Answer::refused("access_denied"),
        DeviceAnswer::Expired => Answer::refused("expired_token"),
        DeviceAnswer::Token(token) => Answer::Good(GrantedToken {
            access_token: token.expose().to_owned(),
            token_type: "bearer",
            ..GrantedToken::default()
        }),
    })
}

async fn by_code(
    state: &ApiState,
    headers: &HeaderMap,
    client: &OAuthClient,
    asked: &TokenForm,
) -> Result<Answer<GrantedToken>, ApiError> {
    let redeemed = state.auth.redeem_code(
        &asked.code,
        client.space.id,
        &asked.redirect_uri,
        &asked.code_verifier,
        client.knows_secret,
    );
    let (id, authorization) = match redeemed.await? {
        Ok(redeemed) => redeemed,
        Err(refused) => return Ok(Answer::invalid_grant(refused)),
    };
    // The Space may have been given to somebody else within that minute.
    let app = &client.app;
    if authorization.owner != client.space.owner
        || !state.auth.may_sign_in(authorization.account, app).await?
    {
        return Ok(Answer::invalid_grant(
            "what the code stands for is not allowed any more",
        ));
    }
    // A page cannot keep a secret, so that it gets nothing that lasts.
    let renews = client.knows_secret;
    let begun = state
        .auth
        .begin_oauth_grant(id, &authorization, app, renews);
    match begun.await? {
        Some(tokens) => granted(state, headers, client, &tokens, &authorization.nonce).await,
        None => Ok(Answer::invalid_grant("the code was used before")),
    }
}

async fn by_refresh(
    state: &ApiState,
    headers: &HeaderMap,
    client: &OAuthClient,
    asked: &TokenForm,
) -> Result<Answer<GrantedToken>, ApiError> {
    if !client.knows_secret {
        return Ok(Answer::WrongClient(
            "the client_secret is required to refresh a token",
        ));
    }
    let refreshed =
        state
            .auth
            .refresh_oauth_grant(&asked.refresh_token, client.space.id, &client.app);
    match refreshed.await? {
        Ok(tokens) => granted(state, headers, client, &tokens, "").await,
        Err(refused) => Ok(Answer::invalid_grant(refused)),
    }
}

async fn granted(
    state: &ApiState,
    headers: &HeaderMap,
    client: &OAuthClient,
    tokens: &OAuthTokens,
    nonce: &str,
) -> Result<Answer<GrantedToken>, ApiError> {
    let id_token = match tokens.scopes.has(OAuthScope::OpenId) {
        true => {
            // Its reader compares the issuer with the address at which it has found this server.
            let issuer = BaseUrl::of(&state.config, headers).to_string();
            let (id, hub) = (client.space.id, state.config.hub_url());
            let token = state
                .auth
                .id_token(tokens, id, nonce, &issuer, &hub)
                .await?;
            Some(token.map_err(|error| ApiError::internal(&error))?)
        }
        false => None,
    };
    Ok(Answer::Good(GrantedToken {
        access_token: tokens.access.expose().to_owned(),
        token_type: "bearer",
        expires_in: Some(tokens.seconds),
        scope: Some(tokens.scopes.to_string()),
        refresh_token: tokens
            .refresh
            .as_ref()
            .map(|token| token.expose().to_owned()),
        id_token,
    }))
}

/// `POST /oauth/revoke`. What is worth nothing already is no error (RFC 7009 §2.2).
async fn revoke(
    State(state): State<ApiState>,
    Extension(cards): Extension<CardCache>,
    Extension(failures): Extension<Failures>,
    Extension(from): Extension<Client>,
    headers: HeaderMap,
    Form(asked): Form<RevokeForm>,
) -> Result<Answer<Done>, ApiError> {
    let address = from.peer.client;
    if !failures.begin(address) {
        return Ok(Answer::TooMany(TOO_MANY.to_owned(), WINDOW));
    }
    let shown = Shown {
        id: &asked.client_id,
        secret: &asked.client_secret,
    };
    let client = match OAuthClient::of(&state, &cards, &headers, &shown).await? {
        Ok(client) => client,
        Err(refused) => return Ok(refused),
    };
    failures.succeeded(address);
    state
        .auth
        .revoke_oauth_token(&asked.token, client.space.id)
        .await?;
    Ok(Answer::Good(Done::default()))
}

impl Input for Form<TokenForm> {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes::<TokenForm>(&["application/x-www-form-urlencoded"]);
    }
}

impl Input for Form<RevokeForm> {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes::<RevokeForm>(&["application/x-www-form-urlencoded"]);
    }
}

//! Signing in and out, here and at Spaces, and an account's own page.

mod attempts;
mod authorize;
mod device;
mod login;
mod provider;
mod settings;

use axum::Router;
use axum::routing::{get, post};

use super::WebState;

pub(super) use attempts::Attempts;

/// All pages of accounts.
pub(super) fn routes() -> Router<WebState> {
    Router::new()
        .route("/login", get(login::page).post(login::sign_in))
        .route("/login/device", get(device::page).post(device::answer))
        .route(
            "/oauth/authorize",
            get(authorize::page).post(authorize::answer),
        )
        .route("/login/oidc", get(provider::leave))
        .route("/login/oidc/callback", get(provider::come_back))
        .route("/logout", post(login::sign_out))
        .route("/settings", get(settings::page).post(settings::change))
}

//! Signing people in at Spaces: the server as an OpenID provider (OAuth 2.0, RFC 6749, as RFC 9700 would have it; OpenID
//! Connect Core 1.0).
//!
//! A Space whose card asks for it is a client, known by its identifier and a secret that follows from it, so that nothing
//! is stored of it. What somebody has allowed a Space is one row; access and refresh tokens are signed and name that row,
//! so that they end with it. Codes are kept in memory alone: whoever is cut off by a restart signs in once more.

mod client;
mod codes;
mod grants;
mod id_token;
mod redirect;
mod request;

pub use codes::{Authorization, CodeRefused};
pub use grants::{OAuthTokens, RefreshRefused, was_given_to};
pub use id_token::{IdTokenSigner, id_claims};
pub use redirect::RedirectUri;
pub use request::{AuthorizationRequest, OAuthError};

pub(super) use codes::Codes;

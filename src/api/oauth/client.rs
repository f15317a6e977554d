//! Spaces as clients: who asks for tokens.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use percent_encoding::percent_decode_str;

use super::answer::Answer;
use crate::api::{ApiError, ApiState};
use crate::auth::AddressAllowance;
use crate::card_cache::CardCache;
use crate::domain::{OAuthApp, Space};

/// A Space that signs people in.
pub(super) struct OAuthClient {
    pub(super) space: Space,
    pub(super) app: OAuthApp,
    /// Whether it has shown its secret.
    pub(super) knows_secret: bool,
}

/// What a form says of its sender.
pub(super) struct Shown<'f> {
    pub(super) id: &'f str,
    pub(super) secret: &'f str,
}

/// How often an address may show what is worth nothing. Cheap to clone; all clones count together.
#[derive(Debug, Clone)]
pub(in crate::api) struct Failures(Arc<AddressAllowance<()>>);

/// In which so many failures are let pass.
pub(super) const WINDOW: Duration = Duration::from_secs(300);
const MOST: u32 = 100;

/// Addresses remembered at once.
const PLACES: usize = 100_000;

// === impl Failures ===

impl Default for Failures {
    fn default() -> Self {
        Self(Arc::new(AddressAllowance::new(MOST, WINDOW, PLACES)))
    }
}

impl Failures {
    /// Counts what is about to be looked at as one; whether it may be.
    pub(super) fn begin(&self, address: IpAddr) -> bool {
        self.0.take(address, ())
    }

    /// It was none.
    pub(super) fn succeeded(&self, address: IpAddr) {
        self.0.give_back(address, ());
    }
}

// === impl OAuthClient ===

impl OAuthClient {
    /// Whoever sends these (RFC 6749 §2.3.1): its identifier and secret by `Basic` or in the form, or its identifier
    /// alone.
    ///
    /// # Errors
    /// Inside the answer to one who is no client, or not that one; outside ours only.
    pub(super) async fn of<T>(
        state: &ApiState,
        cards: &CardCache,
        headers: &HeaderMap,
        shown: &Shown<'_>,
    ) -> Result<Result<Self, Answer<T>>, ApiError> {
        let Ok(basic) = basic(headers) else {
            let why = "the client's credentials in Authorization cannot be read";
            return Ok(Err(Answer::WrongClient(why)));
        };
        let (id, secret) = match &basic {
            Some((id, secret)) => {
                if !shown.secret.is_empty() || !(shown.id.is_empty() || shown.id == id) {
                    let why = "the client is named twice: by Authorization and in the form";
                    return Ok(Err(Answer::invalid_request(why)));
                }
                (id.as_str(), secret.as_str())
            }
            None => (shown.id, shown.secret),
        };
        let Some(space) = state.auth.oauth_client(id).await? else {
            return Ok(Err(Answer::WrongClient("there is no such client_id")));
        };
        let knows_secret = state.auth.is_oauth_secret(&space, secret);
        let shows_none = secret.is_empty() && basic.is_none();
        if !(knows_secret || shows_none) {
            let why =
                "the client_secret is wrong; restart the Space if it was moved to another owner";
            return Ok(Err(Answer::WrongClient(why)));
        }
        Ok(match cards.oauth_app(&space).await? {
            Some(app) => Ok(Self {
                space,
                app,
                knows_secret,
            }),
            None => Err(Answer::WrongClient(
                "the card of this Space does not say hf_oauth: true",
            )),
        })
    }
}

/// Identifier and secret, each of which is quoted as a form is before they are joined.
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, ()> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| ())?;
    let (scheme, credentials) = text.split_once(' ').ok_or(())?;
    if !scheme.eq_ignore_ascii_case("basic") || values.next().is_some() {
        return Err(());
    }
    let decoded = STANDARD.decode(credentials.trim()).map_err(|_| ())?;
    let decoded = String::from_utf8(decoded).map_err(|_| ())?;
    let (id, secret) = decoded.split_once(':').ok_or(())?;
    let plain = |text: &str| {
        let text = text.replace('+', " ");
        let decoded = percent_decode_str(&text).decode_utf8();
        decoded.map(|text| text.into_owned()).map_err(|_| ())
    };
    Ok(Some((plain(id)?, plain(secret)?)))
}

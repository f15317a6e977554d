//! Finding the token in a request's headers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{AuthError, looks_like_ours};

/// Where `gradio_client` puts our token, so that `Authorization` is left for the Space.
pub const HUB_AUTHORIZATION: HeaderName = HeaderName::from_static("x-hf-authorization");

/// The token of a request to the house, `None` when it has no such header.
pub(super) fn token(headers: &HeaderMap) -> Result<Option<String>, AuthError> {
    match single(headers, &HUB_AUTHORIZATION)? {
        Some(value) => Ok(Some(read(value)?)),
        None => single(headers, &AUTHORIZATION)?.map(read).transpose(),
    }
}

/// The token of a request to a Space; an `Authorization` with none of ours in it is not for us.
pub(super) fn visitor_token(headers: &HeaderMap) -> Result<Option<String>, AuthError> {
    if let Some(value) = single(headers, &HUB_AUTHORIZATION)? {
        return Ok(Some(read(value)?));
    }
    let mut ours = headers
        .get_all(AUTHORIZATION)
        .iter()
        .filter_map(|value| read(value).ok())
        .filter(|token| looks_like_ours(token));
    let first = ours.next();
    if ours.next().is_some() {
        return Err(AuthError::BadToken);
    }
    Ok(first)
}

/// The header's only value: two would leave it to chance which one counts.
fn single<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h HeaderValue>, AuthError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(AuthError::BadToken);
    }
    Ok(first)
}

/// The token in `Bearer TOKEN` or `Basic base64(USER:TOKEN)`, schemes in whatever case (RFC 9110 §11.1).
fn read(value: &HeaderValue) -> Result<String, AuthError> {
    let text = value.to_str().map_err(|_| AuthError::BadToken)?;
    let (scheme, credentials) = text.trim().split_once(' ').ok_or(AuthError::BadToken)?;
    let credentials = credentials.trim_start();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(credentials.to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = STANDARD
            .decode(credentials)
            .map_err(|_| AuthError::BadToken)?;
        let decoded = String::from_utf8(decoded).map_err(|_| AuthError::BadToken)?;
        let (_, password) = decoded.split_once(':').ok_or(AuthError::BadToken)?;
        return Ok(password.to_owned());
    }
    Err(AuthError::BadToken)
}

/// The cookies of a request, name and value (RFC 6265 §4.2.1). What is none is passed over.
pub fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(COOKIE).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

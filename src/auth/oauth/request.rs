//! What a client asks of somebody's browser (RFC 6749 §4.1.1, OpenID Connect Core 1.0 §3.1.2.1).

use serde::Deserialize;

use crate::domain::{OAuthApp, OAuthScopes};

/// The parameters of the authorization endpoint; missing ones are empty, and unknown ones are ignored.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct AuthorizationRequest {
    /// Which Space.
    pub client_id: String,
    /// Where to lead back to.
    pub redirect_uri: String,
    /// `code`.
    pub response_type: String,
    /// `query`, or nothing.
    pub response_mode: String,
    /// Words with spaces between.
    pub scope: String,
    /// Given back as it is.
    pub state: String,
    /// Stands in the ID token.
    pub nonce: String,
    /// Of what the client keeps to itself until it shows the code (RFC 7636).
    pub code_challenge: String,
    /// `S256`.
    pub code_challenge_method: String,
    /// `none`, `consent`, or whatever.
    pub prompt: String,
}

/// What is wrong with a request, in OAuth's word and in a sentence for the app's author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthError {
    /// RFC 6749 §4.1.2.1 and §5.2.
    pub word: &'static str,
    /// ASCII without quotes and backslashes, as §4.1.2.1 has it.
    pub description: String,
}

/// Bytes of `state` and `nonce`.
const MOST: usize = 4096;

// === impl AuthorizationRequest ===

impl AuthorizationRequest {
    /// What it asks for, if it may ask so.
    ///
    /// # Errors
    /// What is wrong with it. The answer to a client whose `redirect_uri` is good.
    pub fn check(&self, app: &OAuthApp) -> Result<OAuthScopes, OAuthError> {
        if self.response_type != "code" {
            return Err(OAuthError::new(
                "unsupported_response_type",
                "response_type must be code",
            ));
        }
        if !matches!(&*self.response_mode, "" | "query") {
            return Err(OAuthError::invalid("response_mode must be query"));
        }
        if self.state.len() > MOST || self.nonce.len() > MOST {
            return Err(OAuthError::invalid("state or nonce is too long"));
        }
        match (&*self.code_challenge, &*self.code_challenge_method) {
            ("", "") => {}
            // Nothing is gained by a proof that whoever reads the request can give (RFC 9700 §2.1.1).
            (_, method) if method != "S256" => {
                return Err(OAuthError::invalid("code_challenge_method must be S256"));
            }
            (challenge, _) if !is_challenge(challenge) => {
                return Err(OAuthError::invalid(
                    "code_challenge must be the SHA-256 of the verifier in base64url without padding",
                ));
            }
            _ => {}
        }
        app.granted(&self.scope).map_err(|word| {
            let word: String = word.chars().filter(is_plain).take(60).collect();
            OAuthError::new(
                "invalid_scope",
                format!("the scope {word} is not among hf_oauth_scopes in the card of this Space"),
            )
        })
    }

    /// Whether nothing may be shown to anybody.
    pub fn is_silent(&self) -> bool {
        self.prompt.split(' ').any(|word| word == "none")
    }

    /// Whether somebody is to be asked although they have said yes before.
    pub fn asks_again(&self) -> bool {
        self.prompt
            .split(' ')
            .any(|word| matches!(word, "consent" | "select_account" | "login"))
    }
}

fn is_plain(letter: &char) -> bool {
    letter.is_ascii_graphic() && !matches!(letter, '"' | '\\')
}

/// 32 bytes in base64url.
fn is_challenge(text: &str) -> bool {
    text.len() == 43
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

// === impl OAuthError ===

impl OAuthError {
    /// With RFC 6749's word for it.
    pub fn new(word: &'static str, description: impl Into<String>) -> Self {
        Self {
            word,
            description: description.into(),
        }
    }

    fn invalid(description: &str) -> Self {
        Self::new("invalid_request", description)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(change: impl FnOnce(&mut AuthorizationRequest)) -> Result<String, &'static str> {
        let app = OAuthApp {
            scopes: ["openid", "profile"].map(Into::into).into(),
            minutes: 1,
            organizations: Vec::new(),
        };
        let mut request = AuthorizationRequest {
            response_type: "code".into(),
            ..AuthorizationRequest::default()
        };
        change(&mut request);
        let checked = request.check(&app);
        checked
            .map(|scopes| scopes.to_string())
            .map_err(|error| error.word)
    }

    #[test]
    fn a_request_is_good_in_every_part_or_refused() {
        assert_eq!(asked(|_| {}), Ok("openid profile".into()));
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let proved = asked(|request| {
            request.code_challenge = challenge.into();
            request.code_challenge_method = "S256".into();
        });
        assert!(proved.is_ok());
        let with = |challenge: &str, method: &str| {
            asked(|request| {
                request.code_challenge = challenge.into();
                request.code_challenge_method = method.into();
            })
        };
        for (challenge, method) in [
            (challenge, ""),
            (challenge, "plain"),
            (challenge, "s256"),
            ("", "S256"),
            ("short", "S256"),
            (&challenge.replace('-', "+"), "S256"),
        ] {
            assert_eq!(
                with(challenge, method),
                Err("invalid_request"),
                "{challenge} {method}"
            );
        }
        for kind in ["", "token", "id_token", "code token"] {
            let answer = asked(|request| request.response_type = kind.into());
            assert_eq!(answer, Err("unsupported_response_type"), "{kind}");
        }
        assert_eq!(
            asked(|request| request.response_mode = "fragment".into()),
            Err("invalid_request")
        );
        assert_eq!(
            asked(|request| request.scope = "openid all".into()),
            Err("invalid_scope")
        );
        assert_eq!(
            asked(|request| request.state = "s".repeat(5000)),
            Err("invalid_request")
        );
    }
}

//! Authorization codes: good once, for a minute, for the client that asked (RFC 6749 §4.1.2).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::{Mutex, MutexGuard};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::auth::token::random_letters;
use crate::auth::{Auth, SecretToken, hash_token};
use crate::domain::{AccountId, Millis, OAuthGrantId, OAuthScopes, SpaceId};
use crate::store::StoreError;

/// What somebody has allowed, while a code stands for it.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// Who.
    pub account: AccountId,
    /// Whom.
    pub space: SpaceId,
    /// Whose the Space is.
    pub owner: AccountId,
    /// Where the code was sent, in the client's own words.
    pub redirect_uri: String,
    /// What.
    pub scopes: OAuthScopes,
    /// What the ID token is to say; empty for nothing.
    pub nonce: String,
    /// What the client has to prove that it knows; empty for nothing.
    pub challenge: String,
    /// When it was allowed.
    pub at: Millis,
}

/// Why a code is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefused {
    /// Unknown, too old, used, or another client's.
    #[error("the code is unknown, has expired or was used before")]
    Unknown,
    /// It was sent elsewhere.
    #[error("redirect_uri is not the one that the code was asked for with")]
    Redirect,
    /// Whoever shows it cannot prove that they asked for it.
    #[error("code_verifier does not match the code_challenge that the code was asked for with")]
    Verifier,
    /// There is neither a proof nor a secret.
    #[error("the code was asked for without a code_challenge, so the client_secret is required")]
    Unproved,
}

/// Codes that are out. All clones are the same.
#[derive(Clone, Default)]
pub(in crate::auth) struct Codes(Arc<Mutex<HashMap<[u8; 32], Code>>>);

struct Code {
    stands_for: Authorization,
    since: Instant,
    /// What came of it when it was used.
    used: Option<OAuthGrantId>,
    /// It was shown once more.
    stolen: bool,
}

/// How long a code can be used.
const LIFE: Duration = Duration::from_secs(60);

/// How long it is remembered, so that its second use is known for one.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Codes of one account that are remembered; the oldest gives way.
const MOST_OF_ONE: usize = 40;

// === impl Codes ===

impl Codes {
    /// Forgets those of an account.
    pub(in crate::auth) fn forget(&self, account: AccountId) {
        let mut codes = self.remembered();
        codes.retain(|_, code| code.stands_for.account != account);
    }

    fn remembered(&self) -> MutexGuard<'_, HashMap<[u8; 32], Code>> {
        let mut codes = self.0.lock();
        codes.retain(|_, code| code.since.elapsed() < REMEMBERED);
        codes
    }

    fn insert(&self, hash: [u8; 32], stands_for: Authorization) {
        let account = stands_for.account;
        let mut codes = self.remembered();
        let own = codes
            .iter()
            .filter(|(_, code)| code.stands_for.account == account);
        let (count, oldest) = own.fold((0, None), |(count, oldest), (hash, code)| {
            let older = oldest.is_none_or(|(_, since)| code.since < since);
            (
                count + 1,
                if older {
                    Some((*hash, code.since))
                } else {
                    oldest
                },
            )
        });
        if let Some((hash, _)) = oldest.filter(|_| count >= MOST_OF_ONE) {
            codes.remove(&hash);
        }
        let code = Code {
            stands_for,
            since: Instant::now(),
            used: None,
            stolen: false,
        };
        codes.insert(hash, code);
    }

    /// What the code stands for, with the grant that is to come of it; or the grant that has come of it before.
    fn take(
        &self,
        hash: &[u8; 32],
        client: SpaceId,
        check: impl FnOnce(&Authorization) -> Result<(), CodeRefused>,
    ) -> Result<Taken, CodeRefused> {
        let mut codes = self.remembered();
        let code = codes.get_mut(hash);
        let own = code.filter(|code| code.stands_for.space == client);
        let code = own.ok_or(CodeRefused::Unknown)?;
        if let Some(grant) = code.used {
            code.stolen = true;
            return Ok(Taken::Again(grant));
        }
        if code.since.elapsed() > LIFE {
            return Err(CodeRefused::Unknown);
        }
        check(&code.stands_for)?;
        let grant = OAuthGrantId::new();
        code.used = Some(grant);
        Ok(Taken::Once(grant, Box::new(code.stands_for.clone())))
    }
}

enum Taken {
    Once(OAuthGrantId, Box<Authorization>),
    Again(OAuthGrantId),
}

// === impl Auth ===

impl Auth {
    /// A code for what somebody has allowed.
    pub fn issue_code(&self, stands_for: Authorization) -> SecretToken {
        let code = SecretToken(random_letters());
        self.codes.insert(hash_token(code.expose()), stands_for);
        code
    }

    /// What a code stands for, this once, and the grant that is to come of it. `knows_secret` is whether the client has
    /// shown its secret. A code that is used again ends what came of it (RFC 6749 §4.1.2).
    ///
    /// # Errors
    /// Inside when the code is none; outside ours only.
    pub async fn redeem_code(
        &self,
        code: &str,
        client: SpaceId,
        redirect_uri: &str,
        verifier: &str,
        knows_secret: bool,
    ) -> Result<Result<(OAuthGrantId, Authorization), CodeRefused>, StoreError> {
        let check = |code: &Authorization| {
            if code.redirect_uri != redirect_uri {
                return Err(CodeRefused::Redirect);
            }
            match (&*code.challenge, verifier) {
                ("", "") if knows_secret => Ok(()),
                ("", "") => Err(CodeRefused::Unproved),
                // One who proves what nobody has asked for was kept from asking for it (RFC 9700 §4.8.2).
                ("", _) => Err(CodeRefused::Verifier),
                (challenge, verifier) if proves(verifier, challenge) => Ok(()),
                _ => Err(CodeRefused::Verifier),
            }
        };
        match self.codes.take(&hash_token(code), client, check) {
            Ok(Taken::Once(grant, stands_for)) => Ok(Ok((grant, *stands_for))),
            Ok(Taken::Again(grant)) => {
                self.store.delete_oauth_grant(grant).await?;
                Ok(Err(CodeRefused::Unknown))
            }
            Err(refused) => Ok(Err(refused)),
        }
    }

    /// Whether a code was shown a second time while what comes of it was being made.
    pub(super) fn was_stolen(&self, grant: OAuthGrantId) -> bool {
        let codes = self.codes.remembered();
        let mut codes = codes.values();
        codes.any(|code| code.used == Some(grant) && code.stolen)
    }
}

/// RFC 7636 §4.6.
fn proves(verifier: &str, challenge: &str) -> bool {
    let is_verifier = (43..=128).contains(&verifier.len());
    let proved = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    is_verifier && bool::from(proved.as_bytes().ct_eq(challenge.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_proves_itself() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(proves(verifier, challenge));
        assert!(!proves(challenge, challenge) && !proves("", challenge) && !proves(verifier, ""));
    }

    #[test]
    fn an_account_has_some_codes_and_takes_none_from_others() {
        let codes = Codes::default();
        let (space, other) = (SpaceId::new(), SpaceId::new());
        let authorization = |account| Authorization {
            account,
            space,
            owner: account,
            redirect_uri: String::new(),
            scopes: OAuthScopes::default(),
            nonce: String::new(),
            challenge: String::new(),
            at: 0,
        };
        let (ada, bob) = (AccountId::new(), AccountId::new());
        codes.insert([0; 32], authorization(ada));
        for number in 1..=100 {
            codes.insert([number; 32], authorization(bob));
        }
        assert_eq!(codes.remembered().len(), MOST_OF_ONE + 1);
        let take = |number, client| codes.take(&[number; 32], client, |_| Ok(()));
        assert!(take(0, other).is_err());
        assert!(matches!(take(0, space), Ok(Taken::Once(..))));
        assert!(take(0, other).is_err());
        assert!(matches!(take(0, space), Ok(Taken::Again(_))));
        assert!(take(1, space).is_err());
        assert!(matches!(take(100, space), Ok(Taken::Once(..))));
        codes.forget(bob);
        assert_eq!(codes.remembered().len(), 1);
    }
}

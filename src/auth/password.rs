//! Passwords: hashed with argon2id (RFC 9106), one or two at a time.

use std::net::IpAddr;
use std::sync::LazyLock;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::RngCore;

use crate::ledger::FairSemaphore;

/// Characters of a password: the fewest that hold up against guessing, and the most that are hashed.
pub const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 10..=200;

/// OWASP's first choice: 19 MiB, two passes, one lane. Both bounds below keep what strangers can make us spend small.
const MEMORY_KIB: u32 = 19 << 10;
const PASSES: u32 = 2;

/// Hashes made at once; whoever asks for another waits, and takes turns with whoever else asks.
const AT_ONCE: usize = 2;

static TURNS: LazyLock<FairSemaphore> = LazyLock::new(|| FairSemaphore::new(AT_ONCE));

/// The hash of a password, in PHC string form.
pub(super) async fn hash(password: String, client: IpAddr) -> String {
    let mut salt = [0; 16];
    rand::rng().fill_bytes(&mut salt);
    run(client, move || {
        let salt = SaltString::encode_b64(&salt).expect("16 bytes are a salt");
        let hash = hasher().hash_password(password.as_bytes(), &salt);
        hash.expect("a short password and good parameters")
            .to_string()
    })
    .await
}

/// Whether the password is the one of that hash. Without a hash the same work is done for nothing, so that the time an
/// answer takes does not tell which names there are.
pub(super) async fn verify(password: String, hash: Option<String>, client: IpAddr) -> bool {
    run(client, move || {
        match hash.as_deref().map(PasswordHash::new) {
            Some(Ok(hash)) => hasher().verify_password(password.as_bytes(), &hash).is_ok(),
            _ => {
                let mut output = [0; 32];
                // What comes of it is nobody's concern.
                let _ = hasher().hash_password_into(password.as_bytes(), &[0; 16], &mut output);
                false
            }
        }
    })
    .await
}

fn hasher() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).expect("parameters within their bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

async fn run<T: Send + 'static>(client: IpAddr, work: impl FnOnce() -> T + Send + 'static) -> T {
    let turn = TURNS.take(Some(client)).await;
    let work = move || {
        // It goes on to its end also when nobody waits for it any more.
        let _turn = turn;
        work()
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_itself_matches() {
        let client = IpAddr::from([192, 0, 2, 1]);
        let hash = |password: &str| hash(password.to_owned(), client);
        let verify =
            |password: &str, hash: Option<String>| verify(password.to_owned(), hash, client);
        let made = hash("correct horse").await;
        assert!(
            made.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{made}"
        );
        assert!(verify("correct horse", Some(made.clone())).await);
        assert!(!verify("correct horsf", Some(made.clone())).await);
        assert!(!verify("correct horse", None).await);
        assert!(!verify("", Some("not a hash".to_owned())).await);
        assert_ne!(hash("correct horse").await, made);
    }
}

//! How a user's password is kept, and whether a given one is it.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc};
use ringback_store::{PasswordHash, Secret, Vault};
use subtle::ConstantTimeEq as _;

use super::secrets::PASSWORD_DOMAIN;
use super::{CredentialError, LONGEST_TEXT, SHORTEST_PASSWORD, generate};

/// The chosen password, or a generated one, with how it is to be kept.
pub(super) async fn choose(
    vault: &Vault,
    chosen: Option<Secret>,
) -> Result<(Secret, PasswordHash), CredentialError> {
    let Some(chosen) = chosen else {
        let generated = generate(18)?;
        let kept = PasswordHash::Keyed(vault.digest(PASSWORD_DOMAIN, generated.expose()));
        return Ok((generated, kept));
    };
    if !(SHORTEST_PASSWORD..=LONGEST_TEXT).contains(&chosen.expose().chars().count()) {
        return Err(CredentialError::Invalid("a chosen password has 8 to 255 characters"));
    }
    let plain = chosen.clone();
    let hashed = tokio::task::spawn_blocking(move || hash(&plain)).await;
    let kept = hashed.ok().flatten().ok_or(CredentialError::Hash)?;
    Ok((chosen, PasswordHash::Argon2(kept)))
}

fn hash(password: &Secret) -> Option<String> {
    let salt: [u8; 16] = ringback_store::vault::random().ok()?;
    let hash: phc::PasswordHash =
        Argon2::default().hash_password_with_salt(password.expose().as_bytes(), &salt).ok()?;
    Some(hash.to_string())
}

/// Whether this is the password. For [`PasswordHash::Argon2`] it takes tens of milliseconds of one core: not for an
/// async task.
pub fn matches(vault: &Vault, kept: &PasswordHash, given: &str) -> bool {
    match kept {
        PasswordHash::Keyed(digest) => vault.digest(PASSWORD_DOMAIN, given).ct_eq(digest).into(),
        PasswordHash::Argon2(text) => phc::PasswordHash::new(text)
            .is_ok_and(|hash| Argon2::default().verify_password(given.as_bytes(), &hash).is_ok()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ringback_store::SealingKey;

    #[test]
    fn a_password_matches_what_was_kept_of_it_and_nothing_else() {
        let (vault, _) = Vault::create(&SealingKey::generate().unwrap()).unwrap();
        let chosen = PasswordHash::Argon2(hash(&Secret::new("correct horse")).unwrap());
        assert!(matches(&vault, &chosen, "correct horse"));
        assert!(!matches(&vault, &chosen, "correct hors"));
        let generated = PasswordHash::Keyed(vault.digest(PASSWORD_DOMAIN, "abc"));
        assert!(matches(&vault, &generated, "abc"));
        assert!(!matches(&vault, &generated, "abd"));
        assert!(!matches(&vault, &PasswordHash::Argon2("not a hash".to_owned()), "abc"));
    }
}

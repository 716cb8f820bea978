//! Random secrets: API keys and signing keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proto::Digest;
use proto::link::gateway::ApiKey;

use crate::failure::{Result, host_call};

/// An API key's text. Shown once, where it is made; only its hash goes further.
pub(crate) struct KeyText(String);

impl KeyText {
    /// A new key of 256 random bits.
    pub(crate) fn generate() -> Result<Self> {
        Ok(Self(format!("sk-stockade-{}", URL_SAFE_NO_PAD.encode(random_bytes()?))))
    }

    /// A key that the operator has in a file.
    pub(crate) const fn given(text: String) -> Self {
        Self(text)
    }

    /// The text, for who asks with it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub(crate) fn hash(&self) -> Digest {
        package::hash::sha256(self.0.as_bytes())
    }

    /// The entry under which the gateway knows it.
    pub(crate) fn entry(&self, name: &str) -> ApiKey {
        ApiKey { name: name.to_owned(), hash: self.hash() }
    }
}

/// Thirty-two random bytes.
pub(crate) fn random_bytes() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| host_call("get random bytes", error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_only_their_hash_goes_further() {
        let (one, other) = (KeyText::generate().unwrap(), KeyText::generate().unwrap());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), "sk-stockade-".len() + 43);
        let entry = one.entry("a");
        assert_eq!(entry.hash, package::hash::sha256(one.expose().as_bytes()));
        assert!(!format!("{entry:?}").contains(one.expose()));
    }
}

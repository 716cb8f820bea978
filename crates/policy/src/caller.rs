//! Who asks.

use proto::link::gateway::ApiKey;
use proto::{Code, Digest};

use crate::Denial;

/// Somebody whose API key is known. Only [`authenticate`] makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Principal {
    name: String,
    key: usize,
}

impl Principal {
    /// The name of the key, as records show it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which of the configured keys it is, for counting.
    pub fn key(&self) -> usize {
        self.key
    }
}

/// Who presented the key with this hash; nothing stands for no usable key.
///
/// # Errors
/// [`Code::InvalidApiKey`] when no key was presented or it is not among `keys`.
pub fn authenticate(keys: &[ApiKey], presented: Option<&Digest>) -> Result<Principal, Denial> {
    let presented = presented.ok_or_else(|| {
        Denial::new(Code::InvalidApiKey, "no API key was given; send it as `Authorization: Bearer …`")
    })?;
    // Every key is compared, and wholly, so that the time tells nothing of which is near.
    let found = keys.iter().enumerate().fold(None, |found, (key, candidate)| {
        if same(candidate.hash.as_bytes(), presented.as_bytes()) { Some((key, candidate)) } else { found }
    });
    match found {
        Some((key, candidate)) => Ok(Principal { name: candidate.name.clone(), key }),
        None => Err(Denial::new(Code::InvalidApiKey, "this API key is not known")),
    }
}

/// Whether two hashes are equal, looking at every byte whatever the first ones say.
fn same(left: &[u8; 32], right: &[u8; 32]) -> bool {
    let difference =
        left.iter().zip(right).fold(0, |difference, (a, b)| std::hint::black_box(difference | (a ^ b)));
    difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(hashes: &[[u8; 32]]) -> Vec<ApiKey> {
        hashes
            .iter()
            .enumerate()
            .map(|(n, hash)| ApiKey { name: format!("key-{n}"), hash: Digest::from_bytes(*hash) })
            .collect()
    }

    #[test]
    fn with_no_key_listed_nobody_may_ask() {
        assert_eq!(
            authenticate(&[], Some(&Digest::from_bytes([0; 32]))).unwrap_err().code,
            Code::InvalidApiKey
        );
        assert_eq!(authenticate(&keys(&[[1; 32]]), None).unwrap_err().code, Code::InvalidApiKey);
    }

    proptest! {
        #[test]
        fn only_a_listed_hash_is_somebody(hashes in prop::collection::vec(any::<[u8; 32]>(), 0..8), other in any::<[u8; 32]>(), bit in 0..256_usize) {
            let listed = keys(&hashes);
            for hash in &hashes {
                prop_assert!(authenticate(&listed, Some(&Digest::from_bytes(*hash))).is_ok());
                let mut near = *hash;
                near[bit / 8] ^= 1 << (bit % 8);
                prop_assert_eq!(authenticate(&listed, Some(&Digest::from_bytes(near))).is_ok(), hashes.contains(&near));
            }
            prop_assert_eq!(authenticate(&listed, Some(&Digest::from_bytes(other))).is_ok(), hashes.contains(&other));
        }

        #[test]
        fn taking_a_key_away_admits_nobody_more(hashes in prop::collection::vec(any::<[u8; 32]>(), 1..8), gone in any::<prop::sample::Index>()) {
            let all = keys(&hashes);
            let mut fewer = all.clone();
            fewer.remove(gone.index(hashes.len()));
            for hash in &hashes {
                let presented = Digest::from_bytes(*hash);
                prop_assert!(authenticate(&fewer, Some(&presented)).is_err() || authenticate(&all, Some(&presented)).is_ok());
            }
        }
    }
}

//! Whose signatures count: names with public keys, or with root certificates and an identity, from the
//! command line and the configuration.

use std::io::Read as _;
use std::path::Path;

use package::PublicKey;
use package::certificate::{self, Roots, check_identity};
use proto::link::inspector::{SignerTrust, TrustedSigner};

use crate::config::Config;
use crate::failure::{Result, host, usage};

/// The trusted signers: those given as `NAME=FILE`, then those of the configuration.
pub(crate) fn trusted(given: &[String], config: &Config) -> Result<Vec<TrustedSigner>> {
    let mut signers = Vec::new();
    for argument in given {
        let (name, file) = argument
            .split_once('=')
            .ok_or_else(|| usage(format!("`{argument}` is not NAME=FILE")).with_hint(HINT))?;
        signers.push(signer(name, by_key(name, Path::new(file))?)?);
    }
    for listed in &config.file.signers {
        let name = listed.name.as_str();
        let trust = match (&listed.public_key, &listed.certificate_root, &listed.identity) {
            (Some(key), None, None) => by_key(name, key)?,
            (None, Some(root), Some(identity)) => by_certificate(name, root, identity)?,
            _ => {
                return Err(usage(format!(
                    "signer {name:?} needs either `public-key`, or both `certificate-root` and `identity`"
                )));
            }
        };
        signers.push(signer(name, trust)?);
    }
    Ok(signers)
}

fn signer(name: &str, trust: SignerTrust) -> Result<TrustedSigner> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte);
    if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
        return Err(usage(format!(
            "signer name {name:?} has a character that is not allowed, or is too long"
        )));
    }
    Ok(TrustedSigner { name: name.to_owned(), trust })
}

// What cannot be used is better said here than as an untrusted package later.

fn by_key(name: &str, file: &Path) -> Result<SignerTrust> {
    let public_key_pem = read_pem(file)?;
    PublicKey::from_pem(&public_key_pem).map_err(|error| {
        usage(format!("public key of the signer {name:?} cannot be used, `{}`: {error}", file.display()))
    })?;
    Ok(SignerTrust::Key { public_key_pem })
}

fn by_certificate(name: &str, file: &Path, identity: &str) -> Result<SignerTrust> {
    let roots_pem = read_pem(file)?;
    Roots::from_pem(&roots_pem).map_err(|error| {
        usage(format!(
            "root certificates of the signer {name:?} cannot be used, `{}`: {error}",
            file.display()
        ))
    })?;
    check_identity(identity).map_err(|error| usage(format!("signer {name:?}: {error}")))?;
    Ok(SignerTrust::Certificate { roots_pem, identity: identity.to_owned() })
}

/// Reads a file of keys or certificates, bounded.
pub(crate) fn read_pem(file: &Path) -> Result<String> {
    let mut pem = String::new();
    std::fs::File::open(file)
        .and_then(|open| open.take(certificate::PEM_BYTES_MAX as u64 + 1).read_to_string(&mut pem))
        .map_err(|error| host("read", file, &error))?;
    Ok(pem)
}

const HINT: &str = "for example --signer publisher=publisher.pub.pem";

#[cfg(test)]
mod tests {
    use super::*;
    use package::PrivateKey;
    use proto::Code;

    #[test]
    fn a_signer_needs_a_name_and_a_key_that_can_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let key = PrivateKey::from_random(&[7; 32]).unwrap();
        std::fs::write(at("good.pem"), key.public().to_pem().unwrap()).unwrap();
        std::fs::write(at("private.pem"), key.to_pem().unwrap().as_ref()).unwrap();
        let trusted = |argument: String| trusted(&[argument], &Config::default());
        assert_eq!(trusted(format!("a={}", at("good.pem"))).unwrap()[0].name, "a");
        for bad in [at("good.pem"), format!("={}", at("good.pem")), format!("a b={}", at("good.pem"))] {
            assert_eq!(trusted(bad).unwrap_err().code, Code::ConfigInvalid);
        }
        assert_eq!(trusted(format!("a={}", at("private.pem"))).unwrap_err().code, Code::ConfigInvalid);
        assert_eq!(trusted(format!("a={}", at("none.pem"))).unwrap_err().code, Code::HostIo);
    }

    #[test]
    fn a_signer_is_known_by_its_key_or_by_roots_and_an_identity_and_never_by_half_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.pem");
        let pem = PrivateKey::from_random(&[7; 32]).unwrap().public().to_pem().unwrap();
        std::fs::write(&key, pem).unwrap();
        let refused = |keys: &str| {
            let text = format!("[[signers]]\nname = \"a\"\n{keys}").replace("KEY", key.to_str().unwrap());
            let config = Config { file: crate::config::parse(&text).unwrap() };
            trusted(&[], &config).map(|signers| signers.len()).map_err(|failure| failure.message)
        };
        assert_eq!(refused("public-key = \"KEY\""), Ok(1));
        for keys in [
            "",
            "identity = \"a@b\"",
            "certificate-root = \"KEY\"",
            "public-key = \"KEY\"\nidentity = \"a@b\"",
            "public-key = \"KEY\"\ncertificate-root = \"KEY\"\nidentity = \"a@b\"",
        ] {
            assert!(refused(keys).unwrap_err().contains("needs either"), "{keys}");
        }
        let wrong = refused("certificate-root = \"KEY\"\nidentity = \"a@b\"").unwrap_err();
        assert!(wrong.contains("root certificates of the signer"), "{wrong}");
    }
}

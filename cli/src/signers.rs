//! Whose signatures count: names and public keys from the command line and the configuration.

use std::io::Read as _;
use std::path::Path;

use package::PublicKey;
use proto::link::inspector::TrustedSigner;

use crate::config::Config;
use crate::failure::{Result, host, usage};

/// The trusted signers: those given as `NAME=FILE`, then those of the configuration.
pub(crate) fn trusted(given: &[String], config: &Config) -> Result<Vec<TrustedSigner>> {
    let mut signers = Vec::new();
    for argument in given {
        let (name, file) = argument
            .split_once('=')
            .ok_or_else(|| usage(format!("`{argument}` is not NAME=FILE")).with_hint(HINT))?;
        signers.push(read(name, Path::new(file))?);
    }
    for signer in &config.file.signers {
        signers.push(read(&signer.name, &signer.public_key)?);
    }
    Ok(signers)
}

fn read(name: &str, file: &Path) -> Result<TrustedSigner> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte);
    if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
        return Err(usage(format!(
            "signer name {name:?} has a character that is not allowed, or is too long"
        )));
    }
    let public_key_pem = read_pem(file)?;
    // A key that cannot be used is better said here than as an untrusted package later.
    PublicKey::from_pem(&public_key_pem).map_err(|error| {
        usage(format!("public key of the signer {name:?} cannot be used, `{}`: {error}", file.display()))
    })?;
    Ok(TrustedSigner { name: name.to_owned(), public_key_pem })
}

/// Reads a key file, bounded.
pub(crate) fn read_pem(file: &Path) -> Result<String> {
    let mut pem = String::new();
    std::fs::File::open(file)
        .and_then(|open| open.take(package::keys::PEM_BYTES_MAX as u64 + 1).read_to_string(&mut pem))
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
}

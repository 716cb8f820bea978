//! From arguments and configuration to what the supervisor is told.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;

use proto::limits::{Ceilings, EngineLimits, RequestLimits};
use proto::link::gateway::ApiKey;
use proto::link::operator::{ModelPlan, PackageSource};
use proto::{Digest, ModelName, PackageDigest};

use crate::config::Config;
use crate::config::file::{self, File};
use crate::failure::{Result, host_call, usage};
use crate::state;

/// The models to serve: those given as `[NAME=]PACKAGE`; without any, those of the configuration.
pub(crate) fn models(given: &[String], config: &Config) -> Result<Vec<ModelPlan>> {
    let File { models, engine, ceilings, .. } = &config.file;
    let mut plans = Vec::new();
    for argument in given {
        let (name, source) = name_and_source(argument)?;
        plans.push(plan(&name, &source, engine, ceilings)?);
    }
    if given.is_empty() {
        for model in models {
            let engine = model.engine.as_ref().unwrap_or(engine);
            plans.push(plan(
                &model.name,
                &model.package,
                engine,
                model.ceilings.as_ref().unwrap_or(ceilings),
            )?);
        }
    }
    let mut names: Vec<_> = plans.iter().map(|plan| plan.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair.first() == pair.last()).and_then(|pair| pair.first()) {
        Some(twice) => Err(usage(format!("two models have the name `{twice}`"))),
        None if plans.is_empty() => Err(usage("there is nothing to serve")
            .with_hint("name a package (NAME=DIRECTORY), or list models in the configuration")),
        None => Ok(plans),
    }
}

/// One model, by its name and where its package is.
pub(crate) fn plan(
    name: &str,
    source: &str,
    engine: &file::Engine,
    ceilings: &file::Ceilings,
) -> Result<ModelPlan> {
    let wrong = |_| {
        usage(format!("`{name}` is no model name")).with_hint("names have 1 to 128 of A-Z a-z 0-9 . _ - / :")
    };
    let engine = engine_limits(engine);
    Ok(ModelPlan {
        name: ModelName::parse(name).map_err(wrong)?,
        source: self::source(source)?,
        ceilings: worker_ceilings(ceilings, &engine),
        engine,
    })
}

/// Where a package is: a digest in the store, or a directory.
pub(crate) fn source(text: &str) -> Result<PackageSource> {
    if text.starts_with("sha256:") {
        let digest = Digest::parse(text).map_err(|error| usage(format!("`{text}`: {error}")))?;
        return Ok(PackageSource::Stored(PackageDigest(digest)));
    }
    directory(Path::new(text)).map(PackageSource::Directory)
}

/// A package's directory, absolute, as text.
pub(crate) fn directory(path: &Path) -> Result<String> {
    if !path.is_dir() {
        return Err(usage(format!("`{}` is not a directory", path.display())).with_hint(
            "a package is a directory with manifest.json and model.sig, or sha256:… in the store",
        ));
    }
    state::text(&std::path::absolute(path).map_err(|error| host_call("find the package", error))?)
}

/// Splits `NAME=PACKAGE`. Without a name a directory has its own.
pub(crate) fn name_and_source(argument: &str) -> Result<(String, String)> {
    if let Some((name, source)) = argument.split_once('=') {
        return Ok((name.to_owned(), source.to_owned()));
    }
    let own = if argument.starts_with("sha256:") { None } else { own_name(Path::new(argument)) };
    let name = own.ok_or_else(|| {
        usage(format!("`{argument}` needs a name")).with_hint(format!("for example demo={argument}"))
    })?;
    Ok((name, argument.to_owned()))
}

/// A directory's own name, also where it is given as `.`.
pub(crate) fn own_name(path: &Path) -> Option<String> {
    let absolute = std::fs::canonicalize(path).ok()?;
    absolute.file_name().and_then(|name| name.to_str()).map(str::to_owned)
}

/// The API's address. The configuration may only say loopback; anything else takes the flag.
pub(crate) fn address(flag: Option<&str>, config: &Config) -> Result<SocketAddr> {
    let text = flag.unwrap_or(&config.file.listen);
    let mut addresses =
        text.to_socket_addrs().map_err(|error| usage(format!("`{text}` is no address and port: {error}")))?;
    let address = addresses.next().ok_or_else(|| usage(format!("`{text}` has no address")))?;
    if flag.is_none() && !address.ip().is_loopback() {
        return Err(usage(format!("the configuration listens at {address}, which others can reach"))
            .with_hint(format!("if that is meant, say it: --listen {address}")));
    }
    Ok(address)
}

/// Who may ask, by the configuration.
pub(crate) fn keys(config: &Config) -> Result<Vec<ApiKey>> {
    let entry = |key: &file::Key| {
        let hash = Digest::parse(&key.hash)
            .map_err(|error| usage(format!("the key of `{}`: {error}", key.name)).with_hint(KEY_HINT))?;
        principal(&key.name).map(|name| ApiKey { name, hash })
    };
    config.file.keys.iter().map(entry).collect()
}

/// Checks the name of somebody who may ask.
pub(crate) fn principal(name: &str) -> Result<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte);
    if (1..=64).contains(&name.len()) && name.bytes().all(plain) {
        Ok(name.to_owned())
    } else {
        Err(usage(format!("{name:?} is no name for a key"))
            .with_hint("names have 1 to 64 of A-Z a-z 0-9 . _ @ -"))
    }
}

/// The ceilings on requests, as the gateway is told.
pub(crate) fn request_limits(config: &Config) -> RequestLimits {
    let limits = &config.file.limits;
    RequestLimits {
        body_bytes_max: limits.body_bytes_max,
        header_bytes_max: limits.header_bytes_max,
        read_ms_max: limits.read_ms_max,
        messages_max: limits.messages_max,
        prompt_tokens_max: limits.prompt_tokens_max,
        output_tokens_max: limits.output_tokens_max,
        output_bytes_max: limits.output_bytes_max,
        wall_ms_max: limits.wall_ms_max,
        in_flight_max: limits.in_flight_max,
        in_flight_per_key_max: limits.in_flight_per_key_max,
        connections_max: limits.connections_max,
    }
}

/// Controls that may be degraded or absent: the flag's and the configuration's.
pub(crate) fn accepted(given: &[String], config: &Config) -> Result<Vec<String>> {
    let mut accepted: Vec<String> = given.iter().chain(&config.file.accepted_controls).cloned().collect();
    accepted.sort_unstable();
    accepted.dedup();
    match accepted.iter().find(|name| !sandbox::control::NAMES.contains(&name.as_str())) {
        Some(unknown) => Err(usage(format!("there is no control `{unknown}`"))
            .with_hint(format!("controls are {}", sandbox::control::NAMES.join(", ")))),
        None => Ok(accepted),
    }
}

fn engine_limits(engine: &file::Engine) -> EngineLimits {
    EngineLimits {
        slots: engine.slots,
        context_tokens_max: engine.context_tokens_max,
        queue_max: engine.queue_max,
        threads: engine.threads.unwrap_or_else(processors),
    }
}

fn worker_ceilings(ceilings: &file::Ceilings, engine: &EngineLimits) -> Ceilings {
    Ceilings {
        memory_bytes_max: ceilings.memory_mib.saturating_mul(1024 * 1024),
        pids_max: ceilings.pids.unwrap_or(engine.threads.saturating_add(12)),
        cpu_millicores_max: ceilings.cpu_millicores.unwrap_or(engine.threads.saturating_mul(1000)),
        files_max: ceilings.files,
        // A worker writes no file.
        file_bytes_max: 0,
    }
}

fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1))
}

const KEY_HINT: &str = "`stockade key new NAME` prints a key and its entry";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;

    fn config(text: &str) -> Config {
        Config { file: parse(text).unwrap() }
    }

    #[test]
    fn a_package_has_the_name_that_is_given_or_its_directory_s() {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("tiny");
        std::fs::create_dir(&package).unwrap();
        let path = package.display().to_string();
        let one = |argument: &str| models(&[argument.to_owned()], &Config::default());
        assert_eq!(one(&path).unwrap()[0].name.as_str(), "tiny");
        let named = one(&format!("org/a={path}/../tiny")).unwrap();
        assert_eq!(named[0].name.as_str(), "org/a");
        assert!(matches!(&named[0].source, PackageSource::Directory(path) if path.starts_with('/')));
        let digest = format!("sha256:{}", "ab".repeat(32));
        assert!(matches!(one(&format!("a={digest}")).unwrap()[0].source, PackageSource::Stored(_)));
        for bad in [digest, format!("a b={path}"), "a=/nowhere".to_owned(), "a=sha256:00".to_owned()] {
            assert_eq!(one(&bad).unwrap_err().code, proto::Code::ConfigInvalid, "{bad}");
        }
        let twice = [format!("a={path}"), format!("a={path}")];
        assert!(models(&twice, &Config::default()).unwrap_err().message.contains("two models"));
        assert!(models(&[], &Config::default()).unwrap_err().message.contains("nothing to serve"));
    }

    #[test]
    fn a_model_s_own_sections_stand_in_place_of_the_general_ones() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let text = format!(
            "[engine]\nslots = 2\nthreads = 3\n[[models]]\nname = \"a\"\npackage = \"{digest}\"\n\
             [[models]]\nname = \"b\"\npackage = \"{digest}\"\n\
             engine = {{ slots = 7, threads = 1 }}\nceilings = {{ memory-mib = 128 }}\n"
        );
        let plans = models(&[], &config(&text)).unwrap();
        assert_eq!((plans[0].engine.slots, plans[0].engine.threads), (2, 3));
        assert_eq!((plans[0].ceilings.cpu_millicores_max, plans[0].ceilings.pids_max), (3000, 15));
        assert_eq!((plans[1].engine.slots, plans[1].ceilings.memory_bytes_max), (7, 128 << 20));
        assert_eq!(plans[1].ceilings.file_bytes_max, 0);
    }

    #[test]
    fn only_the_flag_can_say_an_address_that_others_reach() {
        let wide = config("listen = \"0.0.0.0:8080\"");
        let failure = address(None, &wide).unwrap_err();
        assert!(failure.hint.unwrap().contains("--listen 0.0.0.0:8080"));
        assert!(!address(Some("0.0.0.0:0"), &wide).unwrap().ip().is_loopback());
        assert!(address(None, &Config::default()).unwrap().ip().is_loopback());
        for bad in ["", "8080", "127.0.0.1", "127.0.0.1:70000"] {
            assert!(address(Some(bad), &wide).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_and_controls_must_be_ones_that_exist() {
        let good = format!("[[keys]]\nname = \"a\"\nhash = \"sha256:{}\"", "ab".repeat(32));
        assert_eq!(keys(&config(&good)).unwrap().len(), 1);
        assert!(keys(&config("[[keys]]\nname = \"a\"\nhash = \"secret\"")).is_err());
        assert!(keys(&config(&good.replace("\"a\"", "\"a b\""))).is_err());
        let names =
            accepted(&["identity".to_owned()], &config("accepted-controls = [\"landlock\", \"identity\"]"));
        assert_eq!(names.unwrap(), ["identity", "landlock"]);
        assert!(accepted(&["everything".to_owned()], &Config::default()).is_err());
    }
}

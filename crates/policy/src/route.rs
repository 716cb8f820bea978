//! Which paths there are. There are no others: an engine's own paths are never reachable through us.

use proto::Code;

use crate::Denial;

/// A path of the API.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Route {
    /// A conversation to continue.
    ChatCompletions,
    /// A text to continue.
    Completions,
    /// Which models are served.
    Models,
    /// Whether the gateway runs.
    Healthz,
    /// Whether a request could be answered now.
    Readyz,
    /// Counters, for Prometheus.
    Metrics,
    /// A path that does not exist.
    Other,
}

impl Route {
    /// Every route there is.
    pub const ALL: &'static [Self] = &[
        Self::ChatCompletions,
        Self::Completions,
        Self::Models,
        Self::Healthz,
        Self::Readyz,
        Self::Metrics,
        Self::Other,
    ];

    /// The path, as records and metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Models => "/v1/models",
            Self::Healthz => "/healthz",
            Self::Readyz => "/readyz",
            Self::Metrics => "/metrics",
            Self::Other => "other",
        }
    }

    /// The one method that the path takes.
    pub const fn method(self) -> &'static str {
        match self {
            Self::ChatCompletions | Self::Completions => "POST",
            Self::Models | Self::Healthz | Self::Readyz | Self::Metrics | Self::Other => "GET",
        }
    }

    /// The route of a path.
    pub fn of_path(path: &str) -> Self {
        Self::ALL
            .iter()
            .copied()
            .find(|route| *route != Self::Other && route.as_str() == path)
            .unwrap_or(Self::Other)
    }
}

/// Whether a request to this path needs an API key before anything is said about it. Below `/v1` that
/// goes even for paths that do not exist. Probes need none, nor metrics where the operator opened them.
pub fn needs_key(path: &str, metrics_open: bool) -> bool {
    match Route::of_path(path) {
        Route::Healthz | Route::Readyz => false,
        Route::Metrics => !metrics_open,
        Route::ChatCompletions | Route::Completions | Route::Models => true,
        Route::Other => path == "/v1" || path.starts_with("/v1/"),
    }
}

/// The route of a path, when it exists and takes the method.
///
/// # Errors
/// [`Code::NotFound`], with the method that would do when only the method is wrong.
pub fn find_route(path: &str, method: &str) -> Result<Route, Denial> {
    match Route::of_path(path) {
        Route::Other => Err(Denial::new(Code::NotFound, "there is nothing at this path")),
        route if route.method() != method => Err(Denial {
            allow: Some(route.method()),
            ..Denial::new(Code::NotFound, format!("this path takes {} only", route.method()))
        }),
        route => Ok(route),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listed_paths_exist() {
        for path in [
            "",
            "/",
            "/v1",
            "/v1/",
            "/v1/models/",
            "/v1/models/x",
            "//v1/models",
            "/V1/models",
            "/v1/%6dodels",
            "/v1/embeddings",
            "/invocations",
            "/tokenize",
            "/slots",
            "other",
            "*",
            "/v1/chat/completions/../../metrics",
        ] {
            assert_eq!(find_route(path, "GET").unwrap_err().code, Code::NotFound, "{path}");
        }
        assert_eq!(find_route("/v1/models", "GET"), Ok(Route::Models));
    }

    #[test]
    fn another_method_is_told_which_one_to_use() {
        for method in ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "post"] {
            assert_eq!(
                find_route("/v1/chat/completions", method).unwrap_err().allow,
                Some("POST"),
                "{method}"
            );
        }
    }

    #[test]
    fn every_path_below_v1_needs_a_key_even_one_that_does_not_exist() {
        for path in ["/v1/chat/completions", "/v1/completions", "/v1/models", "/v1/nothing", "/v1", "/v1/"] {
            assert!(needs_key(path, true), "{path}");
        }
        assert!(needs_key("/metrics", false));
        assert!(!needs_key("/metrics", true));
        assert!(!needs_key("/healthz", false));
        assert!(!needs_key("/nothing", false));
    }
}

//! Paths: those that are there, and that nothing else is.

use stockade_tests::Stockade;

#[test]
fn the_models_are_listed() {
    let body = Stockade::shared().get("/v1/models").json();
    assert_eq!(body["object"], "list");
    let names: Vec<_> = body["data"].as_array().unwrap().iter().map(|model| &model["id"]).collect();
    assert_eq!(names, ["demo"]);
    assert_eq!(body["data"][0]["object"], "model");
}

#[test]
fn health_and_readiness_answer_without_a_key_and_tell_nothing_else() {
    let stockade = Stockade::shared();
    for path in ["/healthz", "/readyz"] {
        let answer = stockade.request("GET", path, &[], b"");
        assert_eq!(answer.status(), 200, "{path}");
        assert!(answer.body.len() < 200, "{path}: {}", answer.text());
    }
}

#[test]
fn metrics_count_requests_in_prometheus_form() {
    let stockade = Stockade::shared();
    stockade.chat("Hello!").answer();
    let answer = stockade.get("/metrics");
    assert_eq!(answer.status(), 200);
    assert!(answer.head.header("content-type").unwrap().starts_with("text/plain"));
    let text = answer.text();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let value = line.rsplit(' ').next().unwrap();
        assert!(value.parse::<f64>().is_ok(), "not a sample: {line}");
        assert!(line.starts_with("stockade_"), "a name of somebody else: {line}");
    }
    let helped = text.lines().filter(|line| line.starts_with("# TYPE")).count();
    assert!(helped >= 4, "{text}");
    assert!(text.contains("_bucket{") && text.contains("le=\"+Inf\""), "{text}");
}

#[test]
fn every_other_path_and_method_is_not_found() {
    let stockade = Stockade::shared();
    let key = format!("Bearer {}", stockade.key());
    let paths = [
        "/",
        "/v1",
        "/v1/",
        "/v2/models",
        "/v1/models/",
        "/v1/modelsx",
        "/V1/models",
        "/v1//models",
        "/v1/./models",
        "/v1/../v1/models",
        "/v1/%6dodels",
        "/v1/chat",
        "/v1/chat/completions/",
        "/v1/embeddings",
        "/v1/files",
        "/v1/responses",
        "/invocations",
        "/pooling",
        "/tokenize",
        "/detokenize",
        "/pause",
        "/update_weights",
        "/abort_requests",
        "/admin",
        "/console",
        "/debug/pprof",
        "/docs",
        "/openapi.json",
        "/favicon.ico",
        "/.env",
        "/etc/passwd",
        "/proc/self/environ",
        "/healthz/",
        "/metrics/x",
        "/slots",
        "/props",
        "/completion",
        "/api/generate",
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/v1/models%00",
        "/v1/models;x",
    ];
    for path in paths {
        for method in ["GET", "POST"] {
            let answer = stockade.request(method, path, &[("Authorization", &key)], b"");
            assert_eq!((answer.status(), answer.code().as_str()), (404, "not_found"), "{method} {path}");
        }
    }
    let methods = [
        ("POST", "/v1/models"),
        ("DELETE", "/v1/models"),
        ("GET", "/v1/chat/completions"),
        ("PUT", "/v1/chat/completions"),
        ("PATCH", "/v1/completions"),
        ("POST", "/healthz"),
        ("POST", "/metrics"),
        ("OPTIONS", "/v1/chat/completions"),
        ("TRACE", "/v1/models"),
    ];
    for (method, path) in methods {
        let answer = stockade.request(method, path, &[("Authorization", &key)], b"");
        assert!(matches!(answer.status(), 404 | 405), "{method} {path}: {}", answer.status());
        assert_eq!(answer.code(), "not_found", "{method} {path}");
    }
}

#[test]
fn an_unknown_path_is_refused_before_the_key_is_looked_at_or_after_but_never_served() {
    let stockade = Stockade::shared();
    let answer = stockade.request("GET", "/v1/secret", &[], b"");
    assert!(matches!(answer.status(), 401 | 404), "{}", answer.status());
}

#[test]
fn answers_do_not_name_what_serves_them() {
    let stockade = Stockade::shared();
    for path in ["/healthz", "/nowhere", "/v1/models"] {
        let answer = stockade.get(path);
        for name in ["server", "x-powered-by", "via"] {
            assert_eq!(answer.head.header(name), None, "{path}");
        }
        assert_eq!(answer.head.header("access-control-allow-origin"), None, "{path}");
    }
}

//! One request: what must hold before it is read, where it goes, and how a refusal is told and recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use hyper::body::{Body as _, Incoming};
use hyper::http::request::Parts;
use hyper::{Request, StatusCode, header};
use policy::{Ask, Denial, Principal, Route};
use proto::event::{Event, RequestDenied};
use proto::{Code, Digest, RequestId};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::ask::{self, Parsed};
use crate::body;
use crate::gateway::{Gateway, unrecorded};
use crate::generation::{About, Generation};
use crate::metrics;
use crate::reply::{self, JSON, Reply};
use crate::socket::Arrival;
use crate::stream::Stream;
use crate::writer::Writer;

/// A client's connection, as its requests see it.
#[derive(Debug)]
pub(crate) struct Caller {
    arrival: Arc<Arrival>,
    left_unread: AtomicBool,
}

impl Caller {
    pub(crate) fn new(arrival: Arc<Arrival>) -> Self {
        Self { arrival, left_unread: AtomicBool::new(false) }
    }

    /// Whether a request was answered before all of it was read.
    pub(crate) fn left_unread(&self) -> bool {
        self.left_unread.load(Ordering::Relaxed)
    }
}

/// Answers one request.
pub(crate) async fn answer(gateway: &Arc<Gateway>, caller: &Caller, request: Request<Incoming>) -> Reply {
    let (head, mut body) = request.into_parts();
    let mut visit = Visit {
        gateway,
        request: gateway.next_request(),
        arrived: Instant::now(),
        read_by: caller.arrival.began().unwrap_or_else(Instant::now) + gateway.read_max(),
        route: Route::of_path(head.uri.path()),
        principal: None,
        head,
    };
    let reply = match visit.serve(&mut body).await {
        Ok(reply) => reply,
        Err(Fault::Denied(denial)) => reply::denied(&visit.deny(denial).await),
        Err(Fault::Failed(denial)) => reply::denied(&denial),
    };
    caller.arrival.reset();
    let unread = !body.is_end_stream();
    caller.left_unread.fetch_or(unread, Ordering::Relaxed);
    // A chunked body may have been framed otherwise by whoever stands before us: nothing that follows
    // it on this connection is believed to be a request.
    let close = unread || visit.head.headers.contains_key(header::TRANSFER_ENCODING);
    reply::finish(reply, visit.request, close)
}

/// Records a refusal of what never became a request. Gives what to tell the client.
pub(crate) async fn record_unparsed(gateway: &Gateway, denial: &Denial) -> Denial {
    record_denial(gateway, Route::Other, None, denial.clone()).await
}

/// A request on its way.
struct Visit<'g> {
    gateway: &'g Arc<Gateway>,
    request: RequestId,
    arrived: Instant,
    read_by: Instant,
    route: Route,
    principal: Option<Principal>,
    head: Parts,
}

/// Why a request got no answer.
enum Fault {
    /// It was refused before any work was done for it: that is recorded here.
    Denied(Denial),
    /// It was admitted and failed: that has been recorded.
    Failed(Denial),
}

impl From<Denial> for Fault {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl Visit<'_> {
    async fn serve(&mut self, body: &mut Incoming) -> Result<Reply, Fault> {
        let gateway = self.gateway;
        policy::check_host(gateway.local.ip(), &self.hosts()?)?;
        if policy::needs_key(self.head.uri.path(), gateway.config.metrics_open) {
            self.principal =
                Some(policy::authenticate(&gateway.config.keys, presented_key(&self.head).as_ref())?);
        }
        match policy::find_route(self.head.uri.path(), self.head.method.as_str())? {
            Route::ChatCompletions | Route::Completions => self.generate(body).await,
            Route::Models => Ok(self.ok(models(gateway))),
            Route::Healthz => Ok(reply::whole(StatusCode::OK, JSON, "{\"status\":\"ok\"}")),
            Route::Readyz => Ok(readiness(gateway)),
            Route::Metrics => {
                Ok(reply::whole(StatusCode::OK, "text/plain; version=0.0.4", metrics::render(gateway)))
            }
            Route::Other => Err(Denial::new(Code::NotFound, "there is nothing at this path").into()),
        }
    }

    async fn generate(&mut self, body: &mut Incoming) -> Result<Reply, Fault> {
        let gateway = self.gateway;
        let limits = &gateway.config.limits;
        let Some(principal) = self.principal.clone() else {
            return Err(Denial::new(Code::InvalidApiKey, "no API key was given").into());
        };
        if gateway.is_stopping() {
            return Err(Denial::new(Code::ShuttingDown, "the service is stopping").into());
        }
        policy::check_declared_body(body.size_hint().exact(), limits)?;
        // Taken before the body is read: what waits in memory is bounded by what may be in flight.
        let seat = gateway.seats.take(&principal, limits)?;
        let bytes = body::read(body, limits.body_bytes_max, self.read_by).await?;
        let parsed = match self.route {
            Route::Completions => ask::completion::parse(&bytes)?,
            _ => ask::chat::parse(&bytes)?,
        };
        let Parsed { model, prompt, sampling, output_tokens, stream, include_usage, form } = parsed;
        let elapsed_ms = u64::try_from(self.arrived.elapsed().as_millis()).unwrap_or(u64::MAX);
        let candidates = gateway.fleet.candidates(&model);
        let ask = Ask { principal, model, prompt, sampling, output_tokens, elapsed_ms };
        let permit = policy::decide(ask, limits, &gateway.config.models, &candidates)?;
        let writer = Writer::new(self.request, permit.model(), permit.package(), form, include_usage);
        let mut generation = {
            // The body goes with this block: an answer may take long.
            let body = bytes;
            let Self { request, route, arrived, .. } = *self;
            Generation::begin(gateway, permit, &About { request, route, arrived, body: &body, stream }, seat)?
        };
        // The status says whether it went well so far: so it waits for the worker's first word.
        let first = generation.news().await;
        if let Some(denial) = first.refusal() {
            return Err(Fault::Failed(generation.fail(denial).await));
        }
        if stream {
            return Ok(reply::events(Stream::new(generation, writer, first)));
        }
        match generation.gather(writer, first).await {
            Ok(json) => Ok(reply::whole(StatusCode::OK, JSON, json)),
            Err(denial) => Err(Fault::Failed(denial)),
        }
    }

    /// The hosts that the request names: in its `Host` headers, and in its target if that is absolute.
    fn hosts(&self) -> Result<Vec<&str>, Denial> {
        let mut hosts = Vec::with_capacity(1);
        for host in self.head.headers.get_all(header::HOST) {
            hosts.push(host.to_str().map_err(|_| Denial::new(Code::InvalidRequest, "the host is not text"))?);
        }
        if let Some(authority) = self.head.uri.authority()
            && hosts != [authority.as_str()]
        {
            return Err(Denial::new(
                Code::InvalidRequest,
                "the target and the host header name different hosts",
            ));
        }
        Ok(hosts)
    }

    fn ok(&self, json: Vec<u8>) -> Reply {
        self.gateway.metrics.request(self.route, None);
        reply::whole(StatusCode::OK, JSON, json)
    }

    /// Records a refusal. Gives what to tell the client: another thing, when it can't be recorded.
    async fn deny(&self, denial: Denial) -> Denial {
        let principal = self.principal.as_ref().map(|principal| principal.name().to_owned());
        record_denial(self.gateway, self.route, principal, denial).await
    }
}

async fn record_denial(gateway: &Gateway, route: Route, principal: Option<String>, denial: Denial) -> Denial {
    if principal.is_none() {
        gateway.pace_strangers().await;
    }
    let event = RequestDenied { principal, route: route.as_str().to_owned(), code: denial.code };
    let recorded = match gateway.records.append(Event::RequestDenied(event)) {
        Ok(ticket) => ticket.await,
        Err(lost) => Err(lost),
    };
    let told = if recorded.is_ok() { denial } else { unrecorded() };
    gateway.metrics.request(route, Some(told.code));
    told
}

/// The hash of the API key that a request presents, when it presents exactly one that could be a key.
fn presented_key(head: &Parts) -> Option<Digest> {
    let mut given = head.headers.get_all(header::AUTHORIZATION).iter();
    let (Some(only), None) = (given.next(), given.next()) else { return None };
    let (scheme, key) = only.to_str().ok()?.split_once(' ')?;
    let fits = scheme.eq_ignore_ascii_case("bearer") && !key.is_empty() && key.len() <= KEY_BYTES_MAX;
    fits.then(|| Digest::from_bytes(Sha256::digest(key.as_bytes()).into()))
}

fn readiness(gateway: &Gateway) -> Reply {
    let served = gateway.config.models.iter().any(|model| gateway.fleet.up(model) > 0);
    let why = if gateway.is_stopping() {
        Some("stopping")
    } else if !gateway.records.up() {
        Some("no ledger")
    } else if !served {
        Some("no worker")
    } else {
        None
    };
    match why {
        None => reply::whole(StatusCode::OK, JSON, "{\"status\":\"ready\"}"),
        Some(why) => reply::whole(StatusCode::SERVICE_UNAVAILABLE, JSON, format!("{{\"status\":\"{why}\"}}")),
    }
}

fn models(gateway: &Gateway) -> Vec<u8> {
    let data = gateway
        .config
        .models
        .iter()
        .map(|model| Model {
            id: model.as_str(),
            object: "model",
            created: gateway.started_at_s,
            owned_by: "stockade",
        })
        .collect();
    // Strings into memory: there is nothing that could fail.
    serde_json::to_vec(&Models { object: "list", data }).unwrap_or_default()
}

#[derive(Serialize)]
struct Models<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
}

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

/// Longer texts are no API keys, and not worth a hash.
const KEY_BYTES_MAX: usize = 512;

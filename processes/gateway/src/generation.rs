//! A permitted request, from the question to the worker to the record of its end.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use policy::{Denial, RequestPermit, Route};
use proto::event::{Event, RequestAdmitted, RequestEnded};
use proto::link::engine::Finish;
use proto::{Code, RequestId};

use crate::answer::{Answer, End, Finished, News};
use crate::engine::Worker;
use crate::gateway::{Content, Gateway, unrecorded};
use crate::metrics::Timing;
use crate::records::{Lost, Ticket};
use crate::seats::Seat;
use crate::writer::{Usage, Writer};

/// A request that a worker was asked. Dropping it cancels what is not over, and records that its client
/// is gone.
#[derive(Debug)]
pub(crate) struct Generation {
    gateway: Arc<Gateway>,
    worker: Arc<Worker>,
    answer: Arc<Answer>,
    request: RequestId,
    route: Route,
    /// On its way to the disk; nothing once it is there.
    admitted: Option<Ticket>,
    deadline: Pin<Box<tokio::time::Sleep>>,
    tally: Tally,
    /// Nothing more will be heard.
    over: bool,
    recorded: bool,
    _seat: Seat,
}

/// What the record of the end tells.
#[derive(Debug)]
struct Tally {
    arrived: Instant,
    asked: Instant,
    first_token: Option<Duration>,
    /// When the worker had finished.
    finished: Option<Instant>,
    output: Content,
    output_bytes: u64,
    output_tokens: u32,
    prompt_tokens: u32,
}

/// What the record of the beginning tells, beside the permit.
#[derive(Debug)]
pub(crate) struct About<'b> {
    pub(crate) request: RequestId,
    pub(crate) route: Route,
    pub(crate) arrived: Instant,
    pub(crate) body: &'b [u8],
    pub(crate) stream: bool,
}

impl Generation {
    /// Asks the worker what the permit permits. Its record is sent right after, so that both are under
    /// way at once; nothing is heard before it is on disk.
    pub(crate) fn begin(
        gateway: &Arc<Gateway>,
        permit: RequestPermit,
        about: &About<'_>,
        seat: Seat,
    ) -> Result<Self, Denial> {
        if !gateway.records.up() {
            return Err(unrecorded());
        }
        let mut prompt = gateway.digest();
        prompt.update(about.body);
        let admitted = Event::RequestAdmitted(RequestAdmitted {
            request: about.request,
            principal: permit.principal().name().to_owned(),
            model: permit.model().clone(),
            package: permit.package(),
            route: about.route.as_str().to_owned(),
            prompt: prompt.digest(),
            prompt_bytes: about.body.len() as u64,
            stream: about.stream,
        });
        let worker = gateway
            .fleet
            .find(permit.worker())
            .ok_or_else(|| Denial::new(Code::ModelNotReady, "the model is not ready; try again shortly"))?;
        let deadline = Duration::from_millis(permit.limits().wall_ms_max);
        let answer = worker.begin(permit, about.request)?;
        let asked = Instant::now();
        let admitted = gateway.records.append(admitted).map_err(|Lost| {
            worker.cancel(about.request);
            unrecorded()
        })?;
        Ok(Self {
            worker,
            answer,
            request: about.request,
            route: about.route,
            admitted: Some(admitted),
            deadline: Box::pin(tokio::time::sleep(deadline)),
            tally: Tally {
                arrived: about.arrived,
                asked,
                first_token: None,
                finished: None,
                output: gateway.digest(),
                output_bytes: 0,
                output_tokens: 0,
                prompt_tokens: 0,
            },
            over: false,
            recorded: false,
            gateway: Arc::clone(gateway),
            _seat: seat,
        })
    }

    /// Waits for what comes next. Nothing comes after an end.
    pub(crate) async fn news(&mut self) -> News {
        poll_fn(|cx| self.poll_news(cx)).await
    }

    /// As [`Generation::news`].
    pub(crate) fn poll_news(&mut self, cx: &mut Context<'_>) -> Poll<News> {
        if self.over {
            return Poll::Pending;
        }
        if self.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(
                self.stop(Denial::new(Code::DeadlinePassed, "the answer took longer than its ceiling")),
            );
        }
        if let Some(admitted) = &mut self.admitted {
            match Pin::new(admitted).poll(cx) {
                Poll::Ready(Ok(())) => self.admitted = None,
                Poll::Ready(Err(Lost)) => return Poll::Ready(self.stop(unrecorded())),
                Poll::Pending => return Poll::Pending,
            }
        }
        self.answer.poll_news(cx).map(|news| {
            self.tally.take(&news);
            self.over = news.end.is_some();
            news
        })
    }

    /// Waits for the whole answer, and for the record of its end.
    pub(crate) async fn gather(mut self, mut writer: Writer, first: News) -> Result<Vec<u8>, Denial> {
        let mut text = String::new();
        let mut news = first;
        loop {
            text.push_str(&news.text);
            match news.end.map(|end| end.outcome) {
                None => news = self.news().await,
                Some(Ok(finished)) => {
                    let usage = self.usage(finished);
                    let (json, reason) = writer.whole(&text, finished.finish, usage);
                    return self.end(finished, reason).await.map(|()| json).map_err(|Lost| unrecorded());
                }
                Some(Err(denial)) => return Err(self.fail(denial).await),
            }
        }
    }

    /// Records that the request failed. Gives what to tell the client.
    pub(crate) async fn fail(mut self, denial: Denial) -> Denial {
        match self.end_failed(denial.code).await {
            Ok(()) => denial,
            Err(Lost) => unrecorded(),
        }
    }

    /// Sends the record of an answer that is complete.
    pub(crate) fn end(&mut self, finished: Finished, reason: &'static str) -> Ending {
        self.tally.output_tokens = finished.output_tokens;
        self.record(None, reason)
    }

    /// Sends the record of an answer that failed.
    pub(crate) fn end_failed(&mut self, code: Code) -> Ending {
        self.record(Some(code), "")
    }

    /// What the client is told of tokens.
    pub(crate) fn usage(&self, finished: Finished) -> Usage {
        Usage::new(self.tally.prompt_tokens, finished.output_tokens)
    }

    /// Ends the answer from our side.
    fn stop(&mut self, why: Denial) -> News {
        self.worker.cancel(self.request);
        self.over = true;
        News { end: Some(End { outcome: Err(why), at: Instant::now() }), ..News::default() }
    }

    fn record(&mut self, failed: Option<Code>, finish: &'static str) -> Ending {
        self.recorded = true;
        // Does nothing when the worker is done.
        self.worker.cancel(self.request);
        let tally = &self.tally;
        self.gateway.metrics.tokens(tally.prompt_tokens, tally.output_tokens);
        let ended = Event::RequestEnded(RequestEnded {
            request: self.request,
            failed,
            finish: finish.to_owned(),
            output: tally.output.digest(),
            output_bytes: tally.output_bytes,
            prompt_tokens: tally.prompt_tokens,
            output_tokens: tally.output_tokens,
            first_token_us: tally.first_token.map(micros),
            wall_us: micros(tally.arrived.elapsed()),
        });
        Ending {
            ticket: self.gateway.records.append(ended),
            gateway: Arc::clone(&self.gateway),
            route: self.route,
            failed,
            told: failed.or(Some(Code::ClientGone)),
            arrived: tally.arrived,
            before: tally.asked - tally.arrived,
            finished: tally.finished,
            first_token: tally.first_token,
        }
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        if !self.recorded {
            self.tally.take(&self.answer.take());
            // Nobody is left to wait for it.
            drop(self.record(Some(Code::ClientGone), ""));
        }
    }
}

impl Tally {
    fn take(&mut self, news: &News) {
        if let Some(prompt_tokens) = news.prompt_tokens {
            self.prompt_tokens = prompt_tokens;
        }
        if news.tokens > 0 || !news.text.is_empty() {
            self.first_token.get_or_insert_with(|| self.arrived.elapsed());
        }
        self.output.update(news.text.as_bytes());
        self.output_bytes += news.text.len() as u64;
        self.output_tokens = self.output_tokens.saturating_add(news.tokens);
        if let Some(End { outcome: Ok(Finished { finish: Finish::Stop | Finish::Length, .. }), at }) =
            news.end
        {
            self.finished = Some(at);
        }
    }
}

/// The record of a request's end, on its way. The end may be told once it resolves.
#[derive(Debug)]
pub(crate) struct Ending {
    ticket: Result<Ticket, Lost>,
    gateway: Arc<Gateway>,
    route: Route,
    failed: Option<Code>,
    /// What the client was told in the end; that it was gone, until it was told something.
    told: Option<Code>,
    arrived: Instant,
    /// From the arrival until the worker was asked.
    before: Duration,
    finished: Option<Instant>,
    first_token: Option<Duration>,
}

impl Future for Ending {
    type Output = Result<(), Lost>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let recorded = match &mut self.ticket {
            Ok(ticket) => Pin::new(ticket).poll(cx),
            Err(lost) => Poll::Ready(Err(*lost)),
        };
        if let Poll::Ready(recorded) = recorded {
            self.told = if recorded.is_ok() { self.failed } else { Some(Code::LedgerUnavailable) };
        }
        recorded
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.gateway.metrics.request(self.route, self.told);
        self.gateway.metrics.timing(Timing {
            first_token: self.first_token,
            total: self.arrived.elapsed(),
            // With the wait for the record of the end, without the wait for the worker.
            added: self.finished.map(|finished| self.before + finished.elapsed()),
        });
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

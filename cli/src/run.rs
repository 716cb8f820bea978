//! `run`: serve one package to ourselves, ask it in the terminal, and end.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;
use proto::link::operator::{FromSupervisor, ServePlan};
use serde_json::{Value, json};

use crate::arguments::{Common, Trust};
use crate::client::{Answer, Client};
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::{Result, host_call, usage};
use crate::output::{Output, Paint};
use crate::progress::Progress;
use crate::secret::KeyText;
use crate::serve::{self, report};
use crate::supervisor::{Supervisor, unexpected};
use crate::text::harmless;
use crate::view::Serving;
use crate::{controls, plan, signers, state};

/// What to ask, and how.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The package: a directory, or the digest (sha256:…) of one in the store.
    package: String,
    /// The prompt. Without it: a conversation on a terminal, otherwise all of standard input.
    prompt: Option<String>,
    /// What the model is told before the conversation.
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// How freely tokens are chosen: 0 takes the likeliest each time.
    #[arg(long, value_name = "NUMBER")]
    temperature: Option<f64>,
    /// Most tokens of an answer.
    #[arg(long, value_name = "NUMBER")]
    max_tokens: Option<u32>,
    #[command(flatten)]
    trust: Trust,
}

/// Runs one package until its answer or the conversation is over.
pub(crate) fn run(arguments: &RunArguments, common: &Common, output: Output) -> Result<Exit> {
    let config = Config::load(common.config.as_deref())?;
    let folder = state::directory(common.state.as_deref(), &config)?;
    let key = KeyText::generate()?;
    let prompt = match &arguments.prompt {
        Some(prompt) => Some(prompt.clone()),
        None if io::stdin().is_terminal() && !output.json() => None,
        None => Some(whole_input()?),
    };
    let (listener, address) = serve::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let plan = ServePlan {
        state: state::text(&folder)?,
        models: vec![plan::plan(MODEL, &arguments.package, &config.file.engine, &config.file.ceilings)?],
        signers: signers::trusted(&arguments.trust.signers, &config)?,
        keys: vec![key.entry("run")],
        requests: plan::request_limits(&config),
        metrics_open: false,
        accepted: plan::accepted(&arguments.trust.accepted.controls, &config)?,
        start_ms_max: config.file.start_ms_max,
        listen: address.to_string(),
    };
    let mut supervisor = serve::start(plan, listener)?;
    let serving = wait_until_serving(&mut supervisor, serve::url(address), output)?;
    let mut conversation = Conversation::new(arguments, Client::new(&serving.url, &key), output);
    match prompt {
        Some(prompt) => conversation.once(&prompt, &serving)?,
        None => conversation.interactive()?,
    }
    finish(supervisor, &serving, output)?;
    Ok(Exit::Done)
}

fn wait_until_serving(supervisor: &mut Supervisor, url: String, output: Output) -> Result<Serving> {
    // As JSON the answer is the one thing that is said.
    let mut progress = (!output.json()).then(|| Progress::new(output));
    loop {
        match supervisor.next()? {
            FromSupervisor::Progress { stage, done, all } => {
                if let Some(progress) = &mut progress {
                    progress.show(&stage, done, all);
                }
            }
            FromSupervisor::Serving(report) => return Ok(Serving::new(*report, url)),
            FromSupervisor::WorkerRestarting { .. } => {}
            _ => return Err(unexpected()),
        }
    }
}

/// Stops, and says in a line what protected the conversation.
fn finish(mut supervisor: Supervisor, serving: &Serving, output: Output) -> Result<()> {
    supervisor.stopper()?.stop();
    let checkpoint = loop {
        if let FromSupervisor::Stopped { checkpoint } = supervisor.next()? {
            break checkpoint;
        }
    };
    let after = Serving { checkpoint, ..serving.clone() };
    if !output.json() {
        let (enforced, all) = controls::score(&report::columns(serving));
        let package = serving.models.first().map(|model| &model.package);
        let (digest, signer) = package.map_or(("", ""), |one| (one.digest.as_str(), one.signer.as_str()));
        let text = format!(
            "{digest} signed by {} · {enforced} of {all} controls enforced · ledger: {}",
            harmless(signer),
            report::ledger_line(&after)
        );
        output.note(&output.paint_note(&text, Paint::Faint));
    }
    Ok(())
}

/// Questions and answers so far.
struct Conversation<'c> {
    client: Client<'c>,
    output: Output,
    messages: Vec<Value>,
    arguments: &'c RunArguments,
}

impl<'c> Conversation<'c> {
    fn new(arguments: &'c RunArguments, client: Client<'c>, output: Output) -> Self {
        let system = arguments.system.iter().map(|text| json!({"role": "system", "content": text}));
        Self { client, output, messages: system.collect(), arguments }
    }

    /// One question, one answer.
    fn once(&mut self, prompt: &str, serving: &Serving) -> Result<()> {
        let answer = self.ask(prompt)?;
        if self.output.json() {
            self.output.value(&json!({
                "text": answer.text,
                "tool_calls": answer.calls.iter().map(|(name, arguments)| json!({"name": name, "arguments": arguments}))
                    .collect::<Vec<_>>(),
                "finish": answer.finish,
                "prompt_tokens": answer.tokens.map(|(prompt, _)| prompt),
                "output_tokens": answer.tokens.map(|(_, output)| output),
                "serving": serving,
            }));
        }
        Ok(())
    }

    /// A conversation, until the input ends.
    fn interactive(&mut self) -> Result<()> {
        self.output.note(&self.output.paint_note("End with control-D.", Paint::Faint));
        loop {
            self.output.piece("> ");
            let mut line = String::new();
            let read = io::stdin().lock().take(PROMPT_BYTES_MAX).read_line(&mut line);
            if read.map_err(|error| host_call("read standard input", error))? == 0 {
                self.output.line("");
                return Ok(());
            }
            if line.trim().is_empty() {
                continue;
            }
            // One refused question does not end a conversation.
            if let Err(failure) = self.ask(line.trim_end()) {
                self.messages.pop();
                crate::failure::report(&failure, self.output);
            }
        }
    }

    fn ask(&mut self, prompt: &str) -> Result<Answer> {
        self.messages.push(json!({"role": "user", "content": prompt}));
        let mut question = json!({
            "model": MODEL, "messages": self.messages, "stream": true,
            "stream_options": {"include_usage": true},
        });
        if let Some(question) = question.as_object_mut() {
            question
                .extend(self.arguments.temperature.map(|number| ("temperature".to_owned(), json!(number))));
            question.extend(self.arguments.max_tokens.map(|number| ("max_tokens".to_owned(), json!(number))));
        }
        let output = self.output;
        let answer = self.client.chat(&question, &mut |text| {
            if !output.json() {
                output.piece(&harmless(text));
            }
        })?;
        if !output.json() {
            let calls = answer.calls.iter().map(|(name, arguments)| format!("[calls {name}({arguments})]"));
            output.line(&harmless(&calls.collect::<Vec<_>>().join("\n")));
        }
        self.messages.push(json!({"role": "assistant", "content": answer.text}));
        Ok(answer)
    }
}

fn whole_input() -> Result<String> {
    let mut text = String::new();
    io::stdin()
        .lock()
        .take(PROMPT_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| host_call("read standard input", error))?;
    if text.len() as u64 > PROMPT_BYTES_MAX {
        return Err(usage(format!("the prompt has more than {PROMPT_BYTES_MAX} bytes")));
    }
    Ok(text.trim_end().to_owned())
}

/// The name of the one model, between us and our own gateway.
const MODEL: &str = "model";

const PROMPT_BYTES_MAX: u64 = 8 * 1024 * 1024;

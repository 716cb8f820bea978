//! From the supervisor's first frame to its last.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use policy::Denial;
use proto::Code;
use proto::link::gateway::{FromGateway, GatewayConfig, ToGateway};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::connection;
use crate::control::Control;
use crate::engine::Introduction;
use crate::gateway::{Gateway, Patience};

/// Serves the control link until the supervisor says stop, or the link closes.
pub(crate) fn run(link: UnixStream, patience: Patience) -> ExitCode {
    let outcome = Control::open(link).and_then(|mut control| {
        let outcome = serve(&mut control, patience);
        control.finish();
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(control: &mut Control, patience: Patience) -> io::Result<()> {
    let Some((ToGateway::Start(config), descriptors)) = control.commands.blocking_recv() else {
        return Err(io::Error::other("the supervisor did not say how to start"));
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads((config.threads as usize).clamp(1, THREADS_MAX))
        .thread_name("serve")
        .enable_io()
        .enable_time()
        .build()?;
    runtime.block_on(listen(*config, descriptors, control, patience))
}

async fn listen(
    config: GatewayConfig,
    descriptors: Vec<OwnedFd>,
    control: &mut Control,
    patience: Patience,
) -> io::Result<()> {
    let [listener, records] = <[OwnedFd; 2]>::try_from(descriptors).map_err(|_| breach())?;
    let listener = std::net::TcpListener::from(listener);
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let connections = Arc::new(Semaphore::new(config.limits.connections_max as usize));
    let connections_max = config.limits.connections_max;
    let gateway = Arc::new(Gateway::new(config, listener.local_addr()?, patience, control.sayer.clone()));
    gateway.attach_records(unix(records)?);
    tokio::spawn(connection::accept(Arc::clone(&gateway), listener, Arc::clone(&connections)));
    gateway.say(FromGateway::Ready);
    let drain_ms_max = obey(&gateway, control).await?;
    gateway.stopping.send_replace(true);
    drain(&gateway, &connections, connections_max, Duration::from_millis(drain_ms_max)).await;
    gateway.say(FromGateway::Drained);
    Ok(())
}

/// Does what the supervisor says until it says stop.
async fn obey(gateway: &Arc<Gateway>, control: &mut Control) -> io::Result<u64> {
    while let Some((message, descriptors)) = control.commands.recv().await {
        match message {
            ToGateway::WorkerUp { worker: id, model, package, context_tokens_max, requests_max } => {
                let who = Introduction { id, model, package, context_tokens_max, requests_max };
                gateway.attach_worker(who, unix(only(descriptors)?)?);
            }
            ToGateway::WorkerDown { worker } => gateway.fleet.down(worker),
            ToGateway::AuditorUp => gateway.attach_records(unix(only(descriptors)?)?),
            ToGateway::Stop { drain_ms_max } => return Ok(drain_ms_max),
            ToGateway::Start(_) => return Err(breach()),
        }
    }
    Err(io::Error::other("the supervisor is gone"))
}

/// Lets what is in flight end, and ends what does not.
async fn drain(gateway: &Gateway, connections: &Semaphore, connections_max: u32, drain_max: Duration) {
    if timeout(drain_max, connections.acquire_many(connections_max)).await.is_err() {
        gateway.fleet.fail_all(&Denial::new(Code::ShuttingDown, "the service is stopping"));
    }
    let last = async {
        // Closed never, so this waits until every connection has gone.
        let _all = connections.acquire_many(connections_max).await;
        while gateway.records.pending() > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    // Whoever has not taken its answer by then, will not.
    let _ = timeout(gateway.patience.flush, last).await;
}

fn unix(descriptor: OwnedFd) -> io::Result<tokio::net::UnixStream> {
    let stream = UnixStream::from(descriptor);
    stream.set_nonblocking(true)?;
    tokio::net::UnixStream::from_std(stream)
}

fn only(descriptors: Vec<OwnedFd>) -> io::Result<OwnedFd> {
    <[OwnedFd; 1]>::try_from(descriptors).map(|[only]| only).map_err(|_| breach())
}

fn breach() -> io::Error {
    io::Error::other("the supervisor broke the rules of its link")
}

/// Most threads that serve requests: the jail allows sixteen in all.
const THREADS_MAX: usize = 8;

//! Waits until an app answers: first that it listens, then that it speaks HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;
use bollard::Docker;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::super::RuntimeError;
use super::inspect::inspect;
use super::listeners::Listener;
use super::notice::Notice;
use super::watch::has_ended;
use super::{Inner, Running, exit_reason, listeners, name_of};
use crate::docker::kernel;

/// The first pauses are short, so that a quick start is a quick start.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Until an app that answered with an error is asked again; then later and later.
const FIRST_AGAIN: Duration = Duration::from_secs(5);
const LONGEST_AGAIN: Duration = Duration::from_secs(60);

/// How often it is looked at whether the container still runs.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// After this time without an answer, and again later and later, the author is told where the app does listen.
const HINT_AFTER: Duration = Duration::from_secs(5);

/// One try: a connection, and the first bytes of an answer to a GET. Never a HEAD, which some apps answer with an error.
const TRY: Duration = Duration::from_secs(10);

/// How much more of the answer is read, and for how long, for politeness alone.
const REST_BYTES: u64 = 1 << 20;
const REST: Duration = Duration::from_millis(250);

/// Returns once the app has answered anything at all to `GET /`. Its author is told at once where it listens when that is
/// where nobody reaches it, and when what it answers is an error.
///
/// # Errors
/// When it ends, or has not answered within `patience`.
pub(super) async fn until_it_answers(
    docker: &Docker,
    running: &Running,
    address: SocketAddr,
    patience: Duration,
) -> Result<(), RuntimeError> {
    let began = Instant::now();
    let (mut pause, mut looked, mut hint) = (FIRST_PAUSE, began, HINT_AFTER);
    loop {
        let listens = match timeout(TRY, ask(address)).await {
            Ok(Ok(status)) => {
                let after = began.elapsed().as_secs_f64();
                running.say(&format!(
                    "It answers `GET /` with {status} after {after:.1} s."
                ));
                running.note((status >= 500).then_some(Notice::Failing(status)));
                return Ok(());
            }
            Ok(Err(error)) => error.kind() != std::io::ErrorKind::ConnectionRefused,
            Err(_) => true,
        };
        let elapsed = began.elapsed();
        if looked.elapsed() >= LOOK_EVERY {
            looked = Instant::now();
            still_runs(docker, running).await?;
            running.note(misplaced(docker, running, address.port(), listens).await);
        }
        if elapsed >= patience {
            let why = advice(docker, running, address.port(), listens).await;
            return Err(RuntimeError::Author(format!(
                "It did not answer within {} s. {why}",
                patience.as_secs()
            )));
        }
        if elapsed >= hint {
            hint = elapsed * 3;
            let why = advice(docker, running, address.port(), listens).await;
            running.say(&format!(
                "Not answering yet after {} s. {why}",
                elapsed.as_secs()
            ));
        }
        sleep(pause.min(patience.saturating_sub(elapsed))).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// The status of the answer.
pub(super) async fn ask(address: SocketAddr) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {address}\r\nAccept: text/html, */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = [0u8; 64];
    let mut length = 0;
    while length < 13 {
        match stream.read(&mut head[length..]).await? {
            0 => break,
            read => length += read,
        }
    }
    let line = String::from_utf8_lossy(&head[..length]);
    let status = line
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5))
        .and_then(|status| status.parse().ok())
        .filter(|status| (100..1000).contains(status));
    let status = status.ok_or_else(|| std::io::Error::other("it does not speak HTTP/1.1"))?;
    // An app that is cut off in the midst of its answer complains of it to its author.
    let (mut rest, mut nowhere) = (stream.take(REST_BYTES), tokio::io::sink());
    let _ = timeout(REST, tokio::io::copy(&mut rest, &mut nowhere)).await;
    Ok(status)
}

/// Nothing while the container runs.
///
/// # Errors
/// Why it ended, for its author; or why the engine does not say.
pub(super) async fn still_runs(docker: &Docker, running: &Running) -> Result<(), RuntimeError> {
    let name = name_of(running.instance);
    let inspected = inspect(docker, &name)
        .await
        .context("while it was starting")
        .map_err(RuntimeError::Server)?;
    if !has_ended(&inspected) {
        return Ok(());
    }
    // The end of its log may still be on its way.
    sleep(Duration::from_millis(200)).await;
    let mut message = exit_reason::reason(docker, running, &inspected)
        .await
        .message();
    let words = running.log_tail();
    if !words.is_empty() {
        message += "\nIts last output:\n";
        message += &words.join("\n");
    }
    Err(RuntimeError::Author(message))
}

/// What the author can do, from where the app does listen.
async fn advice(docker: &Docker, running: &Running, port: u16, listens: bool) -> String {
    if listens {
        return format!("It listens on port {port} and does not answer HTTP there.");
    }
    listeners::advice(&where_it_listens(docker, running).await, port)
}

/// Asks an app whose first answer was one of failure again, until another comes.
pub(super) fn follow(inner: Arc<Inner>, running: Arc<Running>, address: SocketAddr) {
    if !matches!(*running.notice.lock(), Some(Notice::Failing(_))) {
        return;
    }
    tokio::spawn(async move {
        let mut pause = FIRST_AGAIN;
        loop {
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_AGAIN);
            if !inner.running.lock().contains_key(&running.instance) {
                return;
            }
            if running.frozen.load(Ordering::Acquire) {
                // Thawed, it is asked soon.
                pause = FIRST_AGAIN;
                continue;
            }
            match ask(address).await {
                Ok(status) if status < 500 => {
                    running.say(&format!("It now answers `GET /` with {status}."));
                    running.note(None);
                    return;
                }
                Ok(status) => running.note(Some(Notice::Failing(status))),
                Err(_) => {}
            }
        }
    });
}

/// What to tell the author of an app that listens, and not where it is reached.
async fn misplaced(docker: &Docker, running: &Running, port: u16, listens: bool) -> Option<Notice> {
    if listens {
        return None;
    }
    let found = where_it_listens(docker, running).await;
    (!found.is_empty()).then(|| Notice::Unreachable(listeners::advice(&found, port)))
}

async fn where_it_listens(docker: &Docker, running: &Running) -> Vec<Listener> {
    let inspected = inspect(docker, &name_of(running.instance)).await;
    match inspected.ok().as_ref().and_then(kernel::first_process) {
        Some(process) => listeners::of(process).await,
        None => Vec::new(),
    }
}

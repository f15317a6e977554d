//! Waits until an app answers: first that it listens, then that it speaks HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use bollard::Docker;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::super::RuntimeError;
use super::start::inspect;
use super::watch::end_of;
use super::{Running, listeners, name_of};

/// The first pauses are short, so that a quick start is a quick start.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// How often it is looked at whether the container still runs.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// After this time without an answer, and again later and later, the author is told where the app does listen.
const HINT_AFTER: Duration = Duration::from_secs(5);

/// One try: a connection, and the first bytes of an answer to a GET. Never a HEAD, which some apps answer with an error.
const TRY: Duration = Duration::from_secs(10);

/// Returns once the app has answered anything at all to `GET /`.
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
                return Ok(());
            }
            Ok(Err(error)) => error.kind() != std::io::ErrorKind::ConnectionRefused,
            Err(_) => true,
        };
        if looked.elapsed() >= LOOK_EVERY {
            looked = Instant::now();
            still_runs(docker, running).await?;
        }
        let elapsed = began.elapsed();
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

/// The first line of the answer, without the protocol's name.
async fn ask(address: SocketAddr) -> std::io::Result<String> {
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
        .filter(|status| status.bytes().all(|byte| byte.is_ascii_digit()));
    status
        .map(str::to_owned)
        .ok_or_else(|| std::io::Error::other("it does not speak HTTP/1.1"))
}

async fn still_runs(docker: &Docker, running: &Running) -> Result<(), RuntimeError> {
    let name = name_of(running.instance);
    let inspected = inspect(docker, &name)
        .await
        .context("while it was starting")
        .map_err(RuntimeError::Server)?;
    let Some(state) = inspected.state.filter(|state| state.running != Some(true)) else {
        return Ok(());
    };
    // The end of its log may still be on its way.
    sleep(Duration::from_millis(200)).await;
    let mut message = end_of(&state).message();
    let words = running.last_words();
    if !words.is_empty() {
        message += "\nThe last it printed:\n";
        message += &words.join("\n");
    }
    Err(RuntimeError::Author(message))
}

/// What the author can do, from where the app does listen.
async fn advice(docker: &Docker, running: &Running, port: u16, listens: bool) -> String {
    if listens {
        return format!("It listens on port {port} and does not answer HTTP there.");
    }
    let process = inspect(docker, &name_of(running.instance))
        .await
        .ok()
        .and_then(|inspected| inspected.state?.pid);
    let found = match process {
        Some(process) => listeners::of(process).await,
        None => Vec::new(),
    };
    listeners::advice(&found, port)
}

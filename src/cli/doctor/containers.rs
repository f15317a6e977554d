//! What containers need of this host: an engine, and a packet filter that keeps them off its network.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Check, Verdict};
use crate::app::maintenance::{Elsewhere, engine_elsewhere};

/// Whether an engine answers.
pub(super) fn docker() -> Check {
    let socket = match std::env::var("DOCKER_HOST") {
        Ok(host) => match host.strip_prefix("unix://") {
            Some(path) => PathBuf::from(path),
            None => {
                return Check::of("docker", false, format!("DOCKER_HOST is {host}"))
                    .or(Verdict::Limited, "only unix:// sockets can be checked");
            }
        },
        Err(_) => PathBuf::from("/var/run/docker.sock"),
    };
    let advice = "only Spaces in containers need it: install Docker Engine and add this user to the group `docker`";
    match ping(&socket) {
        Ok(version) => Check::of(
            "docker",
            true,
            format!("API {version} at {}", socket.display()),
        ),
        Err(error) => Check::of("docker", false, format!("{}: {error}", socket.display()))
            .or(Verdict::Limited, advice),
    }
}

/// The API version that a Docker socket answers with.
fn ping(socket: &Path) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    let patience = Some(Duration::from_secs(3));
    stream.set_read_timeout(patience)?;
    stream.set_write_timeout(patience)?;
    stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(64 << 10).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    if answer.split(' ').nth(1) != Some("200") {
        return Err(std::io::Error::other(
            "it does not answer like a Docker engine",
        ));
    }
    let version = answer.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("api-version")
            .then(|| value.trim().to_owned())
    });
    Ok(version.unwrap_or_else(|| "unknown".to_owned()))
}

/// Whether the engine's folders and networks are this host's own. Not looked at where none answers.
pub(super) fn place(data: &Path) -> Option<Check> {
    let data = std::path::absolute(data).ok()?;
    let data = data.ancestors().find(|path| path.is_dir())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let found = runtime.block_on(engine_elsewhere(data)).ok()?;
    let text = match found.first() {
        None => "it uses this host's folders and networks",
        Some(Elsewhere::Folders) => "it does not use this host's folders",
        Some(Elsewhere::Networks) => "it does not use this host's networks",
    };
    let check = Check::of("engine's place", found.is_empty(), text.to_owned());
    Some(match found.first() {
        Some(elsewhere) => check.or(Verdict::Limited, elsewhere.advice()),
        None => check,
    })
}

/// Whether containers can be kept off this host and off private networks.
pub(super) fn packet_filter() -> Check {
    let output = Command::new("iptables")
        .args(["-w", "2", "-S", "INPUT"])
        .stdin(Stdio::null())
        .output();
    let (good, found) = match output {
        Ok(output) if output.status.success() => (true, "iptables".to_owned()),
        Ok(output) => {
            let message = String::from_utf8_lossy(&output.stderr);
            (
                false,
                message
                    .lines()
                    .next()
                    .unwrap_or("iptables failed")
                    .to_owned(),
            )
        }
        Err(_) => (false, "iptables is not installed".to_owned()),
    };
    Check::of("packet filter", good, found).or(
        Verdict::Limited,
        "containers start only where the server can keep them off this host's network: install iptables and run the \
         server as root or with CAP_NET_ADMIN, or set `docker.isolation = \"reported\"`",
    )
}

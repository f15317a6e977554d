//! Why a container ended, in words for its author.

use bollard::Docker;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::DownloadFromContainerOptions;
use futures_util::StreamExt;
use std::io::Read;

use super::{Running, name_of};
use crate::domain::{ExitReason, bytes_text};

/// What a shell says when a command cannot be run, or is not found.
const NO_COMMAND: [i32; 2] = [126, 127];

/// Of a script, to see how its lines end; and of the archive in which the engine hands it out.
const SCRIPT_BYTES: usize = 8 << 10;

/// Files among a command's words that are looked at.
const SCRIPTS: usize = 3;

/// Why it ended, from the engine's account and what it last printed.
pub(super) async fn reason(
    docker: &Docker,
    running: &Running,
    inspected: &ContainerInspectResponse,
) -> ExitReason {
    let state = inspected.state.clone().unwrap_or_default();
    if state.oom_killed == Some(true) {
        return ExitReason::OutOfMemory {
            limit: running.memory_bytes,
        };
    }
    let code = state
        .exit_code
        .and_then(|code| i32::try_from(code).ok())
        .unwrap_or(-1);
    let words = running.log_tail().join("\n");
    let mut hint = from_words(&words, running.memory_bytes);
    if hint.is_none() && NO_COMMAND.contains(&code) {
        hint = windows_script(docker, running, inspected).await;
    }
    ExitReason::Exited { code, hint }
}

/// What the last lines give away.
fn from_words(words: &str, memory_bytes: u64) -> Option<String> {
    // As shells and `env` write a carriage return that ends a command's name.
    if ["\\r'", "^M", "\r"].iter().any(|sign| words.contains(sign)) {
        return Some(windows_lines("A script"));
    }
    let full = ["No space left on device", "Errno 28", "ENOSPC"];
    full.iter().any(|sign| words.contains(sign)).then(|| {
        format!(
            "A file system that it wrote to was full; /dev/shm holds {}.",
            bytes_text(super::host_config::shared_memory(memory_bytes))
        )
    })
}

fn windows_lines(script: &str) -> String {
    format!(
        "{script} has Windows line ends (`\\r\\n`), so its first line names a program that does not exist: save it \
         with Unix line ends, or add `RUN sed -i 's/\\r$//'` for it to the Dockerfile."
    )
}

/// The first script of its command whose lines end in `\r\n`: whoever starts it says no more than that something is not
/// there.
async fn windows_script(
    docker: &Docker,
    running: &Running,
    inspected: &ContainerInspectResponse,
) -> Option<String> {
    let folder = inspected.config.as_ref()?.working_dir.clone();
    let folder = folder.unwrap_or_default();
    let words = inspected.path.iter().chain(inspected.args.iter().flatten());
    let words = words.filter_map(|word| word.split_whitespace().next());
    let files = words.filter(|word| word.contains('/') || word.ends_with(".sh"));
    for file in files.take(SCRIPTS) {
        let path = match file.starts_with('/') {
            true => file.to_owned(),
            false => format!("{folder}/{file}"),
        };
        let begin = begin_of(docker, &name_of(running.instance), path).await;
        if begin.is_some_and(|begin| has_windows_lines(&begin)) {
            return Some(windows_lines(&format!("`{file}`")));
        }
    }
    None
}

fn has_windows_lines(begin: &[u8]) -> bool {
    let first = begin.iter().position(|byte| *byte == b'\n');
    begin.starts_with(b"#!") && first.is_some_and(|at| at > 0 && begin[at - 1] == b'\r')
}

/// The begin of a file in a container, which may have ended.
async fn begin_of(docker: &Docker, container: &str, path: String) -> Option<Vec<u8>> {
    let options = DownloadFromContainerOptions { path };
    let mut pieces = Box::pin(docker.download_from_container(container, Some(options)));
    let mut archive = Vec::new();
    while archive.len() < SCRIPT_BYTES
        && let Some(Ok(piece)) = pieces.next().await
    {
        archive.extend_from_slice(&piece);
    }
    archive.truncate(SCRIPT_BYTES);
    let mut archive = tar::Archive::new(archive.as_slice());
    let mut file = archive.entries().ok()?.next()?.ok()?;
    let mut begin = vec![0; 256];
    let length = file.read(&mut begin).ok()?;
    begin.truncate(length);
    Some(begin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_full_disks_are_recognised() {
        for words in [
            "env: 'python\\r': No such file or directory",
            "bash: x.sh: /bin/sh^M: bad interpreter",
        ] {
            let hint = from_words(words, 1 << 30).expect("a hint");
            assert!(hint.contains("Windows"), "{hint}");
        }
        let full = "OSError: [Errno 28] No space left on device: '/dev/shm/x'";
        let hint = from_words(full, 1 << 30).expect("a hint");
        assert!(hint.contains("512 MiB"), "{hint}");
        assert_eq!(from_words("Traceback", 1), None);
        assert!(has_windows_lines(b"#!/bin/sh\r\necho\r\n"));
        assert!(!has_windows_lines(b"#!/bin/sh\necho\r\n"));
        assert!(!has_windows_lines(b"\n"));
    }
}

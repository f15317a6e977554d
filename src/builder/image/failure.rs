//! Whose fault a failed build is, out of what the engine says.

use bollard::errors::Error;

use crate::docker::{EngineError, status};
use crate::domain::BuildError;

/// An engine that is not there, or cannot be asked.
pub(super) fn engine_error(error: EngineError) -> BuildError {
    match error {
        EngineError::Off => BuildError::author(
            "Containers are turned off on this server; `sdk` may be `static` or `wasi`.",
        ),
        EngineError::Absent { .. } => {
            tracing::warn!("a build needs containers: {:#}", anyhow::Error::new(error));
            BuildError::server(
                "This server has no container engine that answers, and this Space needs one. Its operator can install \
                 Docker (20.10 or later) and start it, or name its socket as `host` under [docker]. Then it is built by \
                 itself.",
            )
        }
        EngineError::Claimed(_) => {
            tracing::error!("a build needs containers: {error}");
            BuildError::server(
                "This server may not use its container engine: another one does. Its operator finds the cause in the log.",
            )
        }
        EngineError::Refused(error) => ours(&error),
    }
}

/// A failure while a base image was fetched. `theirs` says whether the author chose it.
pub(super) fn fetch_error(name: &str, theirs: bool, error: &Error) -> BuildError {
    let said = text_of(error);
    let lower = said.to_lowercase();
    let unknown = [
        "not found",
        "pull access denied",
        "manifest unknown",
        "repository does not exist",
        "invalid reference",
    ];
    let unreachable = [
        "timeout",
        "timed out",
        "no such host",
        "connection refused",
        "dial tcp",
        "tls",
        "unreachable",
        "eof",
    ];
    if !theirs {
        tracing::warn!("the base image {name} could not be fetched: {said}");
        return BuildError::server(format!(
            "The base image `{name}` is not on this server and could not be fetched ({said}). Its operator can load it \
             (`docker pull {name}`) or name another as `base_image` under [runtimes]. Then it is built by itself."
        ));
    }
    if status(error).is_some_and(|status| (400..500).contains(&status))
        || unknown.iter().any(|words| lower.contains(words))
    {
        return BuildError::author(format!(
            "There is no image `{name}`: neither on this server nor in its registry ({said})."
        ));
    }
    if unreachable.iter().any(|words| lower.contains(words)) {
        tracing::warn!("the image {name} could not be fetched: {said}");
        return BuildError::server(format!(
            "The image `{name}` is not on this server, and its registry could not be reached ({said}). The operator of \
             this server can load it: `docker pull {name}`."
        ));
    }
    ours(error)
}

/// A failure while the image was built.
pub(super) fn build_error(error: &Error, dockerfile: &str, memory: &str) -> BuildError {
    let said = text_of(error);
    match error {
        Error::DockerStreamError { .. } => step_error(&said, dockerfile, memory),
        // What it cannot read at all it says before anything is built.
        Error::DockerResponseServerError {
            status_code: 400, ..
        } => BuildError::author(format!("{dockerfile}: {}", shortened(&said))),
        Error::DockerResponseServerError {
            status_code: 500,
            message,
        } if message.to_lowercase().contains("dockerfile") => {
            BuildError::author(format!("{dockerfile}: {}", shortened(&said)))
        }
        error => ours(error),
    }
}

fn step_error(said: &str, dockerfile: &str, memory: &str) -> BuildError {
    let lower = said.to_lowercase();
    if let Some((command, code)) = said.rsplit_once(" returned a non-zero code: ") {
        let command = shortened(command.strip_prefix("The command ").unwrap_or(command));
        let why = match code.trim() {
            "137" => format!(
                "was killed, most likely because it needed more than {memory} of memory, the limit of a build"
            ),
            code => format!("ended with exit code {code}"),
        };
        return BuildError::author(format!(
            "{dockerfile}: {command} {why}. The lines above say more."
        ));
    }
    let full = lower.contains("no space left on device");
    let starting = lower.contains("oci runtime") && !lower.contains("executable file not found");
    if full
        || starting
        || lower.contains("context canceled")
        || lower.contains("failed to create endpoint")
    {
        tracing::warn!("the engine failed a build: {said}");
        return BuildError::server(match full {
            true => "the disk of this server's container engine is full".to_owned(),
            false => format!("the container engine failed: {}", shortened(said)),
        });
    }
    BuildError::author(format!("{dockerfile}: {}", shortened(said)))
}

/// The engine's trouble, not the author's.
pub(super) fn ours(error: &Error) -> BuildError {
    let said = text_of(error);
    tracing::warn!("the container engine failed a build: {said}");
    BuildError::server(format!("the container engine failed: {}", shortened(&said)))
}

fn text_of(error: &Error) -> String {
    match error {
        Error::DockerStreamError { error } => error.clone(),
        Error::DockerResponseServerError { message, .. } => message.clone(),
        Error::RequestTimeoutError => "it did not answer in time".to_owned(),
        Error::HyperResponseError { .. }
        | Error::HyperLegacyError { .. }
        | Error::IOError { .. } => {
            format!("the connection to it broke: {error}")
        }
        other => other.to_string(),
    }
}

/// A message as it fits into one paragraph.
fn shortened(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    let mut short: String = text.chars().take(400).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Fault;

    fn said(text: &str) -> BuildError {
        let error = Error::DockerStreamError {
            error: text.to_owned(),
        };
        build_error(&error, "Dockerfile", "4096.0 MiB")
    }

    #[test]
    fn faults_are_told_apart() {
        let error = said("The command '/bin/sh -c exit 7' returned a non-zero code: 7");
        assert_eq!(error.fault, Fault::Author);
        assert!(
            error
                .message
                .contains("'/bin/sh -c exit 7' ended with exit code 7"),
            "{error}"
        );
        let error = said("The command 'x' returned a non-zero code: 137");
        assert!(error.message.contains("4096.0 MiB of memory"), "{error}");
        assert_eq!(
            said("COPY failed: file not found in build context").fault,
            Fault::Author
        );
        assert_eq!(
            said("write /x: no space left on device").fault,
            Fault::Server
        );
        let refused = Error::DockerResponseServerError {
            status_code: 400,
            message: "dockerfile parse error line 3: unknown instruction: RUM".into(),
        };
        let error = build_error(&refused, "Dockerfile", "1 GiB");
        assert_eq!(error.fault, Fault::Author);
        assert!(
            error
                .message
                .starts_with("Dockerfile: dockerfile parse error line 3"),
            "{error}"
        );
        let broken = Error::DockerResponseServerError {
            status_code: 503,
            message: "away".into(),
        };
        assert_eq!(
            build_error(&broken, "Dockerfile", "1 GiB").fault,
            Fault::Server
        );
    }

    #[test]
    fn a_missing_image_is_the_authors_if_they_chose_it() {
        let missing = Error::DockerStreamError {
            error: "manifest for debian:nope not found: manifest unknown".into(),
        };
        assert_eq!(
            fetch_error("debian:nope", true, &missing).fault,
            Fault::Author
        );
        assert_eq!(
            fetch_error("debian:nope", false, &missing).fault,
            Fault::Server
        );
        let away = Error::DockerResponseServerError {
            status_code: 500,
            message: "Get \"https://registry/v2/\": dial tcp: lookup registry: no such host".into(),
        };
        let error = fetch_error("debian:12", true, &away);
        assert_eq!(error.fault, Fault::Server);
        assert!(error.message.contains("`docker pull debian:12`"), "{error}");
    }
}

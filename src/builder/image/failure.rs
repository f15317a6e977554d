//! Whose fault a failed build is, out of what the engine says.

use bollard::errors::Error;

use super::dockerfile::Step;
use super::progress::Progress;
use super::recipe;
use crate::docker::{EngineError, status};
use crate::domain::BuildError;

/// An engine that is not there, or cannot be asked.
pub(super) fn engine_error(error: EngineError) -> BuildError {
    match error {
        EngineError::Off => BuildError::author(
            "This server's operator has turned off containers; use `sdk: static` or `sdk: wasi`.",
        ),
        EngineError::Absent { .. } => {
            tracing::warn!("a build needs containers: {:#}", anyhow::Error::new(error));
            BuildError::server(
                "This Space needs a container engine, and none answers on this server. The server's operator can \
                 install and start Docker (20.10 or later), or set its socket as `host` under [docker]. The build then \
                 starts automatically.",
            )
        }
        EngineError::Claimed(_) => {
            tracing::error!("a build needs containers: {error}");
            BuildError::server(
                "This server may not use its container engine, because another server does. Its operator can find the \
                 cause in the server's log.",
            )
        }
        EngineError::Refused(error) => internal(&error),
    }
}

/// A failure while a base image was fetched. `theirs` says whether the author chose it.
pub(super) fn fetch_error(name: &str, theirs: bool, error: &Error) -> BuildError {
    let message = text_of(error);
    let lower = message.to_lowercase();
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
        tracing::warn!("the base image {name} could not be fetched: {message}");
        return BuildError::server(format!(
            "The base image `{name}` is not on this server and could not be fetched ({message}). The server's \
             operator can load it (`docker pull {name}`) or set another `base_image` under [runtimes]. The build then \
             starts automatically."
        ));
    }
    if status(error).is_some_and(|status| (400..500).contains(&status))
        || unknown.iter().any(|words| lower.contains(words))
    {
        return BuildError::author(format!(
            "The image `{name}` was not found, neither on this server nor in its registry ({message})."
        ));
    }
    if unreachable.iter().any(|words| lower.contains(words)) {
        tracing::warn!("the image {name} could not be fetched: {message}");
        return BuildError::server(format!(
            "The image `{name}` is not on this server, and its registry could not be reached ({message}). The operator of \
             this server can load it: `docker pull {name}`."
        ));
    }
    internal(error)
}

/// What a failed build was of.
#[derive(Debug)]
pub(super) struct Failed<'a> {
    /// What its Dockerfile is called.
    pub(super) file: &'a str,
    /// Whether the Dockerfile is the author's; or else an SDK's.
    pub(super) theirs: bool,
    /// How far it came.
    pub(super) progress: &'a Progress,
    /// The memory it might take.
    pub(super) memory: String,
    /// The largest file it might write.
    pub(super) file_limit: String,
}

// === impl Failed ===

impl Failed<'_> {
    /// Where the author has to look: a line of their Dockerfile, or the file that an SDK was given.
    fn place(&self) -> String {
        place(self.file, self.theirs, self.progress.step())
    }
}

/// Where the author has to look for what is wrong with a step.
pub(super) fn place(file: &str, theirs: bool, step: Option<&Step>) -> String {
    match (step, theirs) {
        (Some(step), true) => format!("{file}:{}", step.line),
        (Some(step), false) => recipe::subject(&step.text).to_owned(),
        (None, _) => file.to_owned(),
    }
}

/// A failure while the image was built.
pub(super) fn build_error(error: &Error, failed: &Failed<'_>) -> BuildError {
    let text = text_of(error);
    match error {
        Error::DockerStreamError { .. } => step_error(&text, failed),
        // It cannot read what we made of the author's text, and will not another time.
        Error::DockerResponseServerError {
            status_code: 400 | 500,
            message,
        } if message.to_lowercase().contains("dockerfile") => {
            tracing::warn!("the container engine could not read a Dockerfile: {text}");
            BuildError::author(format!("{}: {}", failed.file, shortened(&text)))
        }
        error => internal(error),
    }
}

fn step_error(message: &str, failed: &Failed<'_>) -> BuildError {
    let lower = message.to_lowercase();
    let place = failed.place();
    let full = lower.contains("no space left on device");
    // What cannot be started is the author's, whatever the engine's runtime is.
    let starting = lower.contains("oci runtime") && !lower.contains("exec: \"");
    if full
        || starting
        || lower.contains("context canceled")
        || lower.contains("failed to create endpoint")
    {
        tracing::warn!("the engine failed a build: {message}");
        return BuildError::server(match full {
            true => "the disk of this server's container engine is full".to_owned(),
            false => format!("the container engine failed: {}", shortened(message)),
        });
    }
    BuildError::author(format!("{place}: {}", shortened(message)))
}

/// A container that the engine did not make, or not start.
pub(super) fn start_error(error: &Error, failed: &Failed<'_>) -> BuildError {
    match error {
        Error::DockerResponseServerError { message, .. } => step_error(message, failed),
        error => internal(error),
    }
}

/// A command that ended with that code.
pub(super) fn command_error(code: i64, out_of_memory: bool, failed: &Failed<'_>) -> BuildError {
    let place = failed.place();
    let why = match code {
        137 => format!(
            "was killed, most likely because it needed more than {} of memory, the limit of a build",
            failed.memory
        ),
        code if out_of_memory => format!(
            "ended with exit code {code} after it needed more than {} of memory, the limit of a build",
            failed.memory
        ),
        // SIGXFSZ, as a shell says it.
        153 => format!(
            "was killed, because it made a file larger than {}, the limit of a build",
            failed.file_limit
        ),
        code => format!("ended with exit code {code}"),
    };
    let step = match (failed.progress.step(), failed.theirs) {
        (Some(step), true) => format!("`{}`", shortened_to(&step.text.replace('`', "'"), 120)),
        (Some(_), false) => "the installation".to_owned(),
        (None, _) => "a step".to_owned(),
    };
    let cause = match failed.progress.cause() {
        Some(cause) => format!(": {}", shortened(&cause)),
        None => String::new(),
    };
    BuildError::author(format!(
        "{place}: {step} {why}{cause}. See the build log for its output."
    ))
}

/// The engine's trouble, not the author's.
pub(super) fn internal(error: &Error) -> BuildError {
    let message = text_of(error);
    tracing::warn!("the container engine failed a build: {message}");
    BuildError::server(format!(
        "the container engine failed: {}",
        shortened(&message)
    ))
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
    shortened_to(text, 400)
}

fn shortened_to(text: &str, characters: usize) -> String {
    let text = text.trim().trim_end_matches('.');
    let mut short: String = text.chars().take(characters).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Fault;

    /// What is said of a build whose second step printed something, and then went wrong.
    fn said_of(
        step: &str,
        printed: &str,
        theirs: bool,
        error: impl FnOnce(&Failed<'_>) -> BuildError,
    ) -> BuildError {
        let steps = [(1, "FROM a"), (7, step)].map(|(line, text)| {
            Some(Step {
                line,
                text: text.into(),
            })
        });
        let mut progress = Progress::new("Dockerfile", 2);
        progress.piece(steps.into(), true);
        for line in ["Step 1/2 : FROM sha256:0", "Step 2/2 : RUN []"] {
            progress.takes(line);
        }
        progress.prints(printed);
        error(&Failed {
            file: "Dockerfile",
            theirs,
            progress: &progress,
            memory: "4096.0 MiB".to_owned(),
            file_limit: "20 GiB".to_owned(),
        })
    }

    fn message(error: &str) -> BuildError {
        let error = Error::DockerStreamError {
            error: error.to_owned(),
        };
        said_of("RUN exit 7", "", true, |failed| build_error(&error, failed))
    }

    #[test]
    fn faults_are_told_apart() {
        let error = said_of(
            "RUN pip install nope",
            "ERROR: No matching distribution found for nope\n",
            true,
            |failed| command_error(1, false, failed),
        );
        assert_eq!(error.fault, Fault::Author);
        assert_eq!(
            error.message,
            "Dockerfile:7: `RUN pip install nope` ended with exit code 1: ERROR: No matching distribution found for \
             nope. See the build log for its output."
        );
        let error = said_of(
            "RUN if [ -s /home/user/setup/packages.txt ]; then apt-get update; fi",
            "E: Unable to locate package nope\n",
            false,
            |failed| command_error(123, false, failed),
        );
        assert!(
            error.message.starts_with("packages.txt: ")
                && error.message.contains("E: Unable to locate package nope"),
            "{error}"
        );
        assert!(!error.message.contains("if ["), "{error}");
        for (code, out_of_memory) in [(137, false), (1, true)] {
            let error = said_of("RUN x", "", true, |failed| {
                command_error(code, out_of_memory, failed)
            });
            assert!(error.message.contains("4096.0 MiB of memory"), "{error}");
        }
        assert_eq!(
            message("COPY failed: file not found in build context").fault,
            Fault::Author
        );
        assert_eq!(
            message("write /x: no space left on device").fault,
            Fault::Server
        );
        for (words, fault) in [
            (
                "OCI runtime create failed: container_linux.go:380: starting container process caused: exec: \"nope\": \
                 executable file not found in $PATH: unknown",
                Fault::Author,
            ),
            (
                "OCI runtime create failed: unable to retrieve OCI runtime error: unknown",
                Fault::Server,
            ),
        ] {
            let error = Error::DockerResponseServerError {
                status_code: 400,
                message: words.to_owned(),
            };
            let error = said_of("RUN nope", "", true, |failed| start_error(&error, failed));
            assert_eq!(error.fault, fault, "{error}");
        }
        for status_code in [400, 503] {
            let broken = Error::DockerResponseServerError {
                status_code,
                message: "away".into(),
            };
            assert_eq!(internal(&broken).fault, Fault::Server);
        }
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

//! Reads what the engine says while it builds.

use std::io::Write;

use bollard::errors::Error;
use bollard::models::BuildInfo;
use futures_util::{Stream, StreamExt};

use super::progress::Progress;
use super::record::Recorder;
use crate::domain::BuildError;
use crate::journal::Log;

/// Writes the build's log until the engine names the image. The inner error is ours to say, the outer the engine's.
pub(super) async fn follow(
    steps: impl Stream<Item = Result<BuildInfo, Error>>,
    log: &Log,
    prints: impl Fn(usize) -> Result<(), BuildError>,
    recorder: &mut Recorder,
    progress: &mut Progress,
) -> Result<Result<String, BuildError>, Error> {
    let mut steps = std::pin::pin!(steps);
    let mut writer = log.writer();
    let mut id = None;
    while let Some(step) = steps.next().await {
        let step = step?;
        if let Some(text) = step.stream {
            if let Err(beyond) = prints(text.len()) {
                return Ok(Err(beyond));
            }
            recorder.line(&text);
            // Writing to a log cannot fail.
            let _ = writer.write_all(progress.takes(plain(&text)).as_bytes());
        }
        if let (Some(status), None) = (step.status, step.progress_detail) {
            log.line(&status);
        }
        // What a build prints cannot come in this way.
        id = step.aux.and_then(|aux| aux.id).or(id);
    }
    Ok(id.ok_or_else(|| {
        tracing::warn!("the container engine finished a build without returning an image");
        BuildError::server("the container engine finished the build without returning an image")
    }))
}

/// Without the colour that the engine gives to what is written to standard error.
fn plain(text: &str) -> &str {
    let text = text.strip_prefix("\u{1b}[91m").unwrap_or(text);
    text.strip_suffix("\u{1b}[0m").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_colours_are_left_out() {
        assert_eq!(plain("\u{1b}[91mwarning\n\u{1b}[0m"), "warning\n");
        assert_eq!(plain("plain"), "plain");
    }
}

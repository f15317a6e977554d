//! `/etc/passwd` and `/etc/group` of an image. The engine itself opens them when a container starts, as the host's root, and
//! reads them to their end: a pipe there would hold it for ever, a large file fill its memory.

use bollard::Docker;
use bollard::container::PathStatResponse;
use bollard::query_parameters::ContainerArchiveInfoOptions;

use super::start::ours;
use crate::docker::is_gone;
use crate::runtime::RuntimeError;

/// The files that it opens.
const FILES: [&str; 2] = ["/etc/passwd", "/etc/group"];

/// Bytes that one may have: ten thousand accounts.
const MOST: i64 = 1 << 20;

/// The bits of Go's `os.FileMode` (`io/fs`) that an ordinary file has none of: folder, link, device, pipe, socket, character
/// device, and what is none of those.
const NOT_A_FILE: u32 = 1 << 31 | 1 << 27 | 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19;

const LINK: u32 = 1 << 27;

/// Looks at them before the container starts.
///
/// # Errors
/// The author's, of an image that has something else there.
pub(super) async fn check(docker: &Docker, container: &str) -> Result<(), RuntimeError> {
    for file in FILES {
        let Some(mut facts) = look(docker, container, file).await? else {
            continue;
        };
        if facts.file_mode & LINK != 0 {
            // The engine says where it ends, however many links there are on the way.
            match look(docker, container, &facts.link_target).await? {
                Some(target) => facts = target,
                None => continue,
            }
        }
        if facts.file_mode & NOT_A_FILE != 0 || facts.size > MOST {
            return Err(RuntimeError::Author(format!(
                "Its container does not start: {file} of its image must be an ordinary file of at most 1 MiB."
            )));
        }
    }
    Ok(())
}

/// What lies at a path of the container; `None` where there is nothing.
async fn look(
    docker: &Docker,
    container: &str,
    path: &str,
) -> Result<Option<PathStatResponse>, RuntimeError> {
    let options = ContainerArchiveInfoOptions {
        path: path.to_owned(),
    };
    let looked = docker.get_container_archive_info(container, Some(options));
    match looked.await {
        Ok(facts) => Ok(Some(facts)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(ours(error)),
    }
}

//! What an image has where the engine itself opens a file, as the host's root: `/etc/passwd` and `/etc/group` when a
//! container starts, the sources of a `COPY`. A pipe there would hold it for ever, a large file fill its memory.
//!
//! It is asked about a container that has not started, whose files nobody changes meanwhile.

use std::collections::VecDeque;
use std::path::PathBuf;

use bollard::Docker;
use bollard::container::PathStatResponse;
use bollard::errors::Error;
use bollard::query_parameters::{ContainerArchiveInfoOptions, DownloadFromContainerOptions};
use futures_util::StreamExt;

use super::{is_gone, status};

/// The files that it reads to their end.
const FILES: [&str; 2] = ["/etc/passwd", "/etc/group"];

/// Bytes that one may have: ten thousand accounts.
const MOST: i64 = 1 << 20;

/// Where a container sees what the kernel shows, and not its image.
const KERNELS: [&str; 3] = ["/proc", "/sys", "/dev"];

/// What the engine has of its own in each container, whatever its image has there. For that it makes folders of `/etc` and
/// `/dev` where the image has links.
pub const OF_ENGINE: [&str; 8] = [
    "/.dockerenv",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/etc/mtab",
    "/dev/console",
    "/dev/pts",
    "/dev/shm",
];

/// Links on the way to a file.
const MOST_LINKS: usize = 16;
/// Names on the way to one.
const MOST_NAMES: usize = 256;
/// Bytes of an archive that holds one link.
const MOST_OF_LINK: usize = 64 << 10;

/// The bits of Go's `os.FileMode` (`io/fs`) that an ordinary file has none of: folder, link, device, pipe, socket, character
/// device, and what is none of those.
const NOT_A_FILE: u32 = FOLDER | LINK | 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19;
const FOLDER: u32 = 1 << 31;
const LINK: u32 = 1 << 27;

/// The first of the lists of accounts that the engine may not open: it must be an ordinary file of at most 1 MiB, and no
/// link on the way to it may lead to what the container sees instead of its image: the kernel's, or what is `mounted` there.
///
/// # Errors
/// When the engine does not answer.
pub async fn odd_accounts(
    docker: &Docker,
    container: &str,
    mounted: &[String],
) -> Result<Option<&'static str>, Error> {
    let parent = look(docker, container, "/etc").await?;
    let by_links = parent.is_some_and(|facts| facts.file_mode & LINK != 0);
    let mut linked = Vec::new();
    for file in FILES {
        let Some(mut facts) = look(docker, container, file).await? else {
            continue;
        };
        if by_links || facts.file_mode & LINK != 0 {
            linked.push(file);
        }
        if facts.file_mode & LINK != 0 {
            // The engine says where it ends, however many links there are on the way.
            match look(docker, container, &facts.link_target).await? {
                Some(target) => facts = target,
                None if is_covered(&facts.link_target, mounted) => return Ok(Some(file)),
                None => continue,
            }
        }
        if facts.file_mode & NOT_A_FILE != 0 || facts.size > MOST {
            return Ok(Some(file));
        }
    }
    // To say what a link says the engine opens both, so both were looked at before.
    for file in linked {
        if !is_all_of_image(docker, container, file, mounted).await? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// Whether the engine may open what is there to copy it: an ordinary file, or a folder, whose content it only lists.
pub fn may_be_copied(facts: &PathStatResponse) -> bool {
    facts.file_mode & FOLDER != 0 || facts.file_mode & NOT_A_FILE == 0
}

/// Where a link ends, if it is one.
pub fn link_target(facts: &PathStatResponse) -> Option<&str> {
    (facts.file_mode & LINK != 0).then_some(facts.link_target.as_str())
}

/// What lies at a path of the container, links above it followed; `None` where there is nothing.
///
/// # Errors
/// When the engine does not answer.
pub async fn look(
    docker: &Docker,
    container: &str,
    path: &str,
) -> Result<Option<PathStatResponse>, Error> {
    let options = ContainerArchiveInfoOptions {
        path: path.to_owned(),
    };
    let looked = docker.get_container_archive_info(container, Some(options));
    match looked.await {
        Ok(facts) => Ok(Some(facts)),
        Err(error) if leads_nowhere(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the engine says of a path that nothing lies there, or the kernel that nothing can.
pub fn leads_nowhere(error: &Error) -> bool {
    let output = error.to_string();
    let words = ["not a directory", "name too long", "too many l"];
    let of_kernel = || words.iter().any(|words| output.contains(words));
    // To a look it answers without words.
    let is_silent = || {
        let Error::DockerResponseServerError { message, .. } = error else {
            return false;
        };
        message.trim().is_empty()
    };
    is_gone(error) || (status(error) == Some(500) && (of_kernel() || is_silent()))
}

fn is_covered(path: &str, mounted: &[String]) -> bool {
    let mounted = mounted.iter().map(|place| place.trim_end_matches('/'));
    let is_below = |place: &str| {
        let below = path.strip_prefix(place);
        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    };
    let of_others = KERNELS.into_iter().chain(OF_ENGINE);
    of_others.chain(mounted).any(is_below)
}

/// Whether the folders in which a container shows something of its own are folders in the image too, or not there; of an
/// engine whose layers are not on this host, nobody knows.
pub fn shows_its_own_folders(layers: &[PathBuf]) -> bool {
    ["etc", "dev", "proc", "sys"].into_iter().all(|name| {
        let mut found = layers
            .iter()
            .filter_map(|layer| layer.join(name).symlink_metadata().ok());
        found.next().is_none_or(|newest| newest.is_dir())
    })
}

/// Whether no name on the way to a file lies where the container sees something else.
async fn is_all_of_image(
    docker: &Docker,
    container: &str,
    file: &str,
    mounted: &[String],
) -> Result<bool, Error> {
    let mut names: VecDeque<String> = file.split('/').map(str::to_owned).collect();
    let mut way: Vec<String> = Vec::new();
    let (mut links, mut looked) = (0, 0);
    while let Some(name) = names.pop_front() {
        match name.as_str() {
            "" | "." => continue,
            ".." => {
                way.pop();
                continue;
            }
            _ => {}
        }
        looked += 1;
        way.push(name);
        let path = format!("/{}", way.join("/"));
        if looked > MOST_NAMES || is_covered(&path, mounted) {
            return Ok(false);
        }
        let Some(facts) = look(docker, container, &path).await? else {
            return Ok(true);
        };
        if facts.file_mode & LINK == 0 {
            continue;
        }
        links += 1;
        let Some(target) = link_text(docker, container, &path).await? else {
            return Ok(false);
        };
        if links > MOST_LINKS {
            return Ok(false);
        }
        way.pop();
        if target.starts_with('/') {
            way.clear();
        }
        for name in target.rsplit('/') {
            names.push_front(name.to_owned());
        }
    }
    Ok(true)
}

/// What a link says, word for word: the engine tells only where it ends.
async fn link_text(docker: &Docker, container: &str, path: &str) -> Result<Option<String>, Error> {
    let options = DownloadFromContainerOptions {
        path: path.to_owned(),
    };
    let mut archive = Vec::new();
    let mut pieces = docker.download_from_container(container, Some(options));
    while let Some(piece) = pieces.next().await {
        archive.extend_from_slice(&piece?);
        if archive.len() > MOST_OF_LINK {
            return Ok(None);
        }
    }
    let mut archive = tar::Archive::new(archive.as_slice());
    let entry = archive.entries().ok().and_then(|mut found| found.next());
    let Some(Ok(entry)) = entry else {
        return Ok(None);
    };
    let target = entry.link_name_bytes();
    Ok(target.and_then(|target| String::from_utf8(target.into_owned()).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mounted_covers_the_image() {
        let mounted = ["/data/".to_owned()];
        for covered in [
            "/dev",
            "/dev/ptmx",
            "/proc/self/fd/4",
            "/data/x",
            "/sys/x",
            "/.dockerenv",
            "/etc/hosts",
        ] {
            assert!(is_covered(covered, &mounted), "{covered}");
        }
        for seen in ["/devices", "/etc/passwd", "/database", "/", "/x/dev"] {
            assert!(!is_covered(seen, &mounted), "{seen}");
        }
    }
}

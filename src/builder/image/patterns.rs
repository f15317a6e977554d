//! Paths of a `COPY` that stand for several, as the engine reads them, and what they find in an archive.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use tokio::sync::mpsc;

use super::dockerfile::shown;
use crate::docker::accounts::OF_ENGINE;

/// Links that a wildcard of one `COPY` may find.
const MOST_LINKS: usize = 1000;
/// Characters with a meaning in paths that stand for several.
pub(super) const SPECIAL: [char; 4] = ['*', '?', '[', '\\'];

/// Whether the engine reads a path as standing for several.
pub(super) fn has_wildcards(path: &str) -> bool {
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '*' | '?' | '[' => return true,
            _ => {}
        }
    }
    false
}

/// What is wrong with a path that stands for what nobody can look at, as the engine has its own there, or that may stand for
/// more than can be told.
pub(super) fn hidden(path: &str) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    let wild = has_wildcards(path);
    // In the engine's reading, `[^a]` is any character, `/` too.
    if wild && path.contains('[') {
        return Some(format!(
            "`{}` contains a `[`, which is not allowed in the source of `COPY --from`; `*` and `?` are allowed",
            shown(path)
        ));
    }
    let own = OF_ENGINE
        .into_iter()
        .chain(["/etc", "/dev", "/proc", "/sys"]);
    let mut own = own.filter(|own| {
        let own: Vec<&str> = own.split('/').skip(1).collect();
        own.len() == names.len()
            && own
                .iter()
                .zip(&names)
                .all(|(own, name)| may_mean(name, own))
    });
    let first = own.find(|own| wild || OF_ENGINE.contains(own))?;
    Some(format!(
        "`{}` {} `{first}`, which belongs to the container engine and cannot be copied",
        shown(path),
        if wild { "may match" } else { "is" }
    ))
}

/// Whether a name with wildcards may stand for another: it begins and ends as that does.
fn may_mean(pattern: &str, name: &str) -> bool {
    let (Some(first), Some(last)) = (pattern.find(SPECIAL), pattern.rfind(SPECIAL)) else {
        return pattern == name;
    };
    // What follows a backslash means itself.
    let last = if pattern[last..].starts_with('\\') {
        pattern.len()
    } else {
        last + 1
    };
    name.starts_with(&pattern[..first]) && name.ends_with(&pattern[last..])
}

pub(super) fn is_no_file(path: &str) -> String {
    let shown = shown(path);
    format!(
        "`{shown}` is a pipe or a device, or a link to one; only files and folders can be copied"
    )
}

/// What was found in an archive of a folder.
pub(super) enum Matches {
    /// What is wrong.
    Odd(String),
    /// What only the engine knows the end of.
    Links(Vec<String>),
}

/// Reads which of the entries so far below a folder, whose names a pattern may mean, are more than files and folders.
pub(super) fn matches(
    pieces: mpsc::Receiver<Bytes>,
    (folder, depth, last): &(String, usize, String),
) -> io::Result<Matches> {
    let mut archive = tar::Archive::new(Pieces {
        pieces,
        piece: Bytes::new(),
    });
    let mut links = Vec::new();
    // Its own name comes first in each entry.
    let own = usize::from(folder != "/");
    for entry in archive.entries()? {
        let entry = entry?;
        let path = entry.path_bytes();
        let path = String::from_utf8_lossy(&path);
        let names: Vec<&str> = path
            .split('/')
            .filter(|name| !matches!(*name, "" | "."))
            .skip(own)
            .collect();
        if names.len() != *depth || !names.last().is_some_and(|name| may_mean(last, name)) {
            continue;
        }
        let kind = entry.header().entry_type();
        if kind.is_file() || kind.is_dir() {
            continue;
        }
        let path = format!("{}/{}", folder.trim_end_matches('/'), names.join("/"));
        if kind.is_fifo() || kind.is_character_special() || kind.is_block_special() {
            return Ok(Matches::Odd(is_no_file(&path)));
        }
        if links.len() == MOST_LINKS {
            let message = format!(
                "the source may match more than {MOST_LINKS} links in {}",
                shown(folder)
            );
            return Ok(Matches::Odd(message));
        }
        links.push(path);
    }
    Ok(Matches::Links(links))
}

/// An archive as it comes.
struct Pieces {
    pieces: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

// === impl Pieces ===

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let read = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_can_look_at_is_not_copied() {
        for path in [
            "/.dockerenv",
            "a/../.dockerenv",
            "./etc//hosts",
            "/*",
            "/.d?ckerenv",
            "/*/hosts",
            "/etc/*.conf",
            "/d*/console",
            "\\.dockerenv/../.dockerenv*",
            "/folder[^a]pipe",
            "/e\\tc*",
        ] {
            assert!(hidden(path).is_some(), "{path}");
        }
        for path in [
            "/",
            "/etc",
            "/etc/passwd",
            "/etc/ssl/*",
            "/app/*.txt",
            "/usr/lib/*",
            "/etc/*.toml",
            "/hosts",
        ] {
            assert_eq!(hidden(path), None, "{path}");
        }
    }
}

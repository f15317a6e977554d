//! What a push asks for, before its pack.

use std::collections::HashSet;
use std::io;

use gix::ObjectId;
use tokio::io::AsyncRead;

use super::pktline;
use crate::repo::refs::full_name;
use crate::repo::{MAIN, RepoError};

/// References that one push may change.
const MAX_UPDATES: usize = 500;
/// Commits at which the history of a shallow clone may end.
const MAX_SHALLOW: usize = 10_000;

/// A reference that is to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Update {
    /// Where the client believes it is; `None` when it is to be new.
    pub(super) old: Option<ObjectId>,
    /// Where it is to be; `None` removes it.
    pub(super) new: Option<ObjectId>,
    /// Its full name, checked.
    pub(super) name: String,
}

/// What the lines before the pack ask for.
pub(super) struct Wanted {
    /// Read and checked; an error is the client's.
    pub(super) updates: Result<Vec<Update>, RepoError>,
    /// As the client spells them, for the answer.
    pub(super) names: Vec<String>,
    pub(super) side_band: bool,
    /// The clone has not all of its history.
    pub(super) is_shallow: bool,
}

/// Reads the commands of a push; `None` when there is none.
///
/// # Errors
/// `Refused` for what is not git's protocol, `TooLarge` for too many.
pub(super) async fn read_commands(
    body: &mut (impl AsyncRead + Unpin + Send),
) -> Result<Option<Wanted>, RepoError> {
    let broken = || {
        RepoError::Refused(
            "the push does not follow git's protocol, or the connection broke".to_owned(),
        )
    };
    let mut commands = Vec::new();
    let mut capabilities = String::new();
    let mut shallow = 0;
    loop {
        let text = match pktline::read(body).await {
            Ok(Some(text)) => text,
            Ok(None) => break,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                ) =>
            {
                return Err(broken());
            }
            Err(error) => return Err(error.into()),
        };
        let text = String::from_utf8(text).map_err(|_| broken())?;
        // They come first. What the server lacks of the history shows in the pack.
        if commands.is_empty() && text.starts_with("shallow ") {
            shallow += 1;
            if shallow > MAX_SHALLOW {
                return Err(RepoError::TooLarge(format!(
                    "the history of the clone ends at more than {MAX_SHALLOW} commits; run `git fetch --unshallow`"
                )));
            }
            continue;
        }
        let (command, offered) = text.split_once('\0').unwrap_or((&text, ""));
        if commands.is_empty() {
            offered.clone_into(&mut capabilities);
        }
        commands.push(command.trim_end_matches('\n').to_owned());
        if commands.len() > MAX_UPDATES {
            return Err(RepoError::TooLarge(format!(
                "one push may change at most {MAX_UPDATES} branches and tags"
            )));
        }
    }
    if commands.is_empty() {
        return Ok(None);
    }
    let name = |command: &String| command.splitn(3, ' ').nth(2).unwrap_or("?").to_owned();
    let names: Vec<_> = commands.iter().map(name).collect();
    let updates = commands
        .iter()
        .map(|command| Update::parse(command))
        .collect();
    let twice = names.iter().collect::<HashSet<_>>().len() < names.len();
    let side_band = capabilities
        .split_whitespace()
        .any(|word| word == "side-band-64k");
    Ok(Some(Wanted {
        updates: if twice {
            Err(RepoError::Refused(
                "the push names a branch or tag twice".to_owned(),
            ))
        } else {
            updates
        },
        names,
        side_band,
        is_shallow: shallow > 0,
    }))
}

// === impl Update ===

impl Update {
    pub(super) fn is_branch(&self) -> bool {
        self.name.starts_with("refs/heads/")
    }

    pub(super) fn short_name(&self) -> &str {
        let short = self.name.strip_prefix("refs/heads/");
        short
            .or_else(|| self.name.strip_prefix("refs/tags/"))
            .unwrap_or(&self.name)
    }

    /// Reads `OLD NEW NAME`, ids of forty digits; all zeros stand for nothing.
    fn parse(command: &str) -> Result<Self, RepoError> {
        let refused = |text: String| Err(RepoError::Refused(text));
        let mut words = command.splitn(3, ' ');
        let id = |word: Option<&str>| -> Option<Option<ObjectId>> {
            let id = ObjectId::from_hex(word?.as_bytes()).ok()?;
            Some((!id.is_null()).then_some(id))
        };
        let (Some(old), Some(new), Some(name)) = (id(words.next()), id(words.next()), words.next())
        else {
            return refused("the push does not follow git's protocol".into());
        };
        let checked = match (
            name.strip_prefix("refs/heads/"),
            name.strip_prefix("refs/tags/"),
        ) {
            (Some(branch), _) => full_name("heads", branch)?,
            (_, Some(tag)) => full_name("tags", tag)?,
            _ => {
                let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
                return refused(format!(
                    "`{shown}` is neither a branch nor a tag; only these can be pushed"
                ));
            }
        };
        if checked == format!("refs/heads/{MAIN}") && new.is_none() {
            return refused(format!("`{MAIN}` cannot be deleted"));
        }
        Ok(Self {
            old,
            new,
            name: checked,
        })
    }
}

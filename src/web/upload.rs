//! Taking files from a browser's form, to disk as they come.

use axum::RequestExt;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{Multipart, Request};
use std::borrow::Cow;
use std::io::Read;

use super::form::{FORM_TOKEN, Fields, check_origin};
use super::page_request::PageRequest;
use super::{PageError, WebState};
use crate::domain::AccountId;
use crate::repo::{Content, FilePath, RepoError, RepoLimits, Spool};

/// Bytes of one field that is no file: pasted code is the longest.
const MAX_FIELD: usize = 1 << 20;
/// Fields that are no files.
const MAX_FIELDS: usize = 40;

/// Files that operating systems and tools leave lying about.
const LITTER: [&str; 4] = [".DS_Store", "Thumbs.db", ".git", "__pycache__"];

/// A file by its path.
pub(super) type File = (String, Cow<'static, [u8]>);

/// What a form brought: its fields, and its files in a spool.
pub(super) struct Upload {
    pub(super) fields: Fields,
    pub(super) files: Vec<(FilePath, Content)>,
    pub(super) spool: Spool,
}

/// Reads a form. Its token comes first, and before that is looked at no file is taken. The files go where `owner` has
/// room; without one, where the account has that the form names before its files.
pub(super) async fn receive(
    state: &WebState,
    visitor: &PageRequest,
    request: Request,
    owner: Option<AccountId>,
) -> Result<Upload, PageError> {
    check_origin(request.headers(), visitor)?;
    let (session, _) = visitor.signed_in()?;
    let mut form: Multipart = request
        .extract()
        .await
        .map_err(|_| PageError::BadRequest("The form was not sent correctly.".to_owned()))?;
    let limits = state.repos.limits().clone();
    let mut fields = Fields::default();
    let mut spool = None;
    let mut files: Vec<(String, Content)> = Vec::new();
    let (mut count, mut left) = (0, limits.commit_bytes);
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let Some(name) = field.name().map(str::to_owned) else {
            continue;
        };
        if name != "files" {
            count += 1;
            let text = text_of(field).await?;
            if count > MAX_FIELDS {
                return Err(PageError::TooLarge);
            }
            fields.add(name, text);
            continue;
        }
        if !session.is_form_token(fields.raw(FORM_TOKEN)) {
            return Err(PageError::Forged);
        }
        let path = field.file_name().unwrap_or_default().to_owned();
        let empty = match spool.take() {
            Some(begun) => begun,
            None => spool_of(state, visitor, owner, &fields).await?,
        };
        let (back, content) = file_of(field, empty, &mut left, &limits).await?;
        spool = Some(back);
        // A field for files without a choice sends one without a name.
        if !path.is_empty() {
            files.push((path, content));
        }
        if files.len() > limits.operations {
            return Err(PageError::TooLarge);
        }
    }
    if !session.is_form_token(fields.raw(FORM_TOKEN)) {
        return Err(PageError::Forged);
    }
    let spool = match spool {
        Some(filled) => filled,
        None => spool_of(state, visitor, owner, &fields).await?,
    };
    Ok(Upload {
        fields,
        files: placed(files)?,
        spool,
    })
}

/// An empty spool, with what room there is.
async fn spool_of(
    state: &WebState,
    visitor: &PageRequest,
    owner: Option<AccountId>,
    fields: &Fields,
) -> Result<Spool, PageError> {
    let owner = match owner {
        Some(owner) => owner,
        None => {
            let (_, account) = visitor.signed_in()?;
            let named = visitor.creates_under(state, fields.get("owner")).await?;
            // Under a name that is refused nothing is kept.
            named.map_or(account.id, |named| named.id)
        }
    };
    let room = state.lifecycle.disk_room(owner).await?;
    Ok(state.repos.spool(room)?)
}

async fn text_of(mut field: Field<'_>) -> Result<String, PageError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        if bytes.len() + chunk.len() > MAX_FIELD {
            return Err(PageError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes)
        .map_err(|_| PageError::BadRequest("A field of the form is not valid text.".to_owned()))
}

async fn file_of(
    mut field: Field<'_>,
    mut spool: Spool,
    left: &mut u64,
    limits: &RepoLimits,
) -> Result<(Spool, Content), PageError> {
    let mut size = 0;
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        let bytes = chunk.len() as u64;
        size += bytes;
        if size > limits.file_bytes || bytes > *left {
            return Err(PageError::TooLarge);
        }
        *left -= bytes;
        spool = on_disk(spool, move |spool| spool.write(&chunk)).await?;
    }
    let content = spool.finish();
    Ok((spool, content))
}

/// Writes to the disk where that may block.
async fn on_disk(
    mut spool: Spool,
    write: impl FnOnce(&mut Spool) -> Result<(), RepoError> + Send + 'static,
) -> Result<Spool, PageError> {
    let work = move || write(&mut spool).map(|()| spool);
    let written = tokio::task::spawn_blocking(work).await;
    Ok(written.map_err(|error| PageError::internal(&error))??)
}

fn broken(error: MultipartError) -> PageError {
    PageError::BadRequest(format!(
        "The form did not arrive completely: {}",
        error.body_text()
    ))
}

/// The files at their places, without litter.
fn placed(files: Vec<(String, Content)>) -> Result<Vec<(FilePath, Content)>, PageError> {
    let mut found = Vec::new();
    for (path, content) in files {
        if path.split('/').any(|part| LITTER.contains(&part)) {
            continue;
        }
        let path = path
            .parse::<FilePath>()
            .map_err(|error| PageError::BadRequest(error.to_string()))?;
        found.push((path, content));
    }
    Ok(found)
}

/// The first folder of every path, with its slash; empty if they do not share one.
fn common_folder<'p>(mut paths: impl Iterator<Item = &'p str>) -> String {
    let first = |path: &'p str| path.split_once('/').map(|(folder, _)| folder);
    let Some(folder) = paths.next().and_then(first) else {
        return String::new();
    };
    match paths.all(|path| first(path) == Some(folder)) {
        true => format!("{folder}/"),
        false => String::new(),
    }
}

// === impl Upload ===

impl Upload {
    /// The same below the folder that all of its files were in when it was dropped.
    pub(super) fn unwrapped(mut self) -> Result<Self, PageError> {
        let common = common_folder(self.files.iter().map(|(path, _)| path.as_str()));
        for (path, _) in &mut self.files {
            if let Some(below) = path.as_str().strip_prefix(&common) {
                *path = below.parse::<FilePath>()?;
            }
        }
        Ok(self)
    }

    /// The same with more files, which come after those there are.
    pub(super) async fn with(mut self, files: Vec<File>) -> Result<Self, PageError> {
        let work = move || {
            for (path, bytes) in files {
                let content = self.spool.put(&bytes)?;
                self.files.push((path.parse::<FilePath>()?, content));
            }
            Ok::<_, RepoError>(self)
        };
        let added = tokio::task::spawn_blocking(work).await;
        Ok(added.map_err(|error| PageError::internal(&error))??)
    }

    /// The first bytes of a file; nothing if it is not there.
    pub(super) async fn read(&self, path: &str, most: u64) -> Result<Vec<u8>, PageError> {
        let found = self
            .files
            .iter()
            .rev()
            .find(|(own, _)| own.as_str() == path);
        let Some((_, content)) = found else {
            return Ok(Vec::new());
        };
        let mut bytes = Vec::new();
        self.spool
            .read(*content)
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(|error| PageError::internal(&error))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_folder_is_the_space() {
        let common = |paths: &[&'static str]| common_folder(paths.iter().copied());
        assert_eq!(common(&["demo/index.html", "demo/a/b.js"]), "demo/");
        assert_eq!(common(&["demo/index.html", "README.md"]), "");
        assert_eq!(common(&["index.html"]), "");
        assert_eq!(common(&[]), "");
    }
}

//! Changing a Space's files in the browser. Each change is one commit to `main`, made as the API makes them, and built on
//! the commit that its page was opened at: whoever was overtaken is told so, and keeps what was typed.

mod editor;
mod endings;
mod removal;
mod upload;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

use super::Found;
use crate::domain::{RepoKind, Revision};
use crate::lifecycle::LifecycleError;
use crate::repo::{CommitRequest, MAIN, Operation, Repo, RepoError, Spool};
use crate::web::form::Fields;
use crate::web::page_request::PageRequest;
use crate::web::{PageError, WebState};

/// Bytes of a file that is edited here.
pub(super) const MAX_TEXT: u64 = 512 << 10;
/// Bytes of a form with such a file: most characters become three there.
const MAX_FORM: usize = 4 << 20;
/// Characters of a message's first line, and of the rest of it.
const MAX_TITLE: usize = 200;
const MAX_DESCRIPTION: usize = 10_000;

pub(super) fn routes() -> Router<WebState> {
    let form = DefaultBodyLimit::max(MAX_FORM);
    Router::new()
        .route(
            "/spaces/{owner}/{name}/edit/main/{*path}",
            get(editor::edit_page).post(editor::edit).layer(form),
        )
        .route(
            "/spaces/{owner}/{name}/new/main",
            get(editor::new_page).post(editor::add).layer(form),
        )
        .route(
            "/spaces/{owner}/{name}/delete/main/{*path}",
            get(removal::page).post(removal::remove),
        )
        .route(
            "/spaces/{owner}/{name}/upload/main",
            // What is uploaded is counted as it comes, against the limits of repositories.
            get(upload::page)
                .post(upload::upload)
                .layer(DefaultBodyLimit::disable()),
        )
}

/// What a commit is to be, as its form says.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// The commit that the page was opened at; `None` where there was none yet.
    pub(super) parent: Option<Revision>,
    /// Empty for the usual one.
    pub(super) title: String,
    pub(super) description: String,
}

/// Why there is no commit.
pub(super) enum NotCommitted {
    /// Somebody else has made one since the page was opened: this.
    Overtaken(Revision),
    /// In words for whoever sent the form.
    Refused(String),
    Page(PageError),
}

impl<E: Into<PageError>> From<E> for NotCommitted {
    fn from(error: E) -> Self {
        match error.into() {
            PageError::BadRequest(text) => Self::Refused(text),
            other => Self::Page(other),
        }
    }
}

// === impl Wanted ===

impl Wanted {
    /// For a page that is opened now.
    pub(super) async fn at_head(state: &WebState, found: &Found) -> Result<Self, PageError> {
        Ok(Self {
            parent: state.repos.read(found.space.id, Repo::head).await?,
            ..Self::default()
        })
    }

    /// # Errors
    /// A form that none of our pages would send.
    pub(super) fn of(fields: &Fields) -> Result<Self, PageError> {
        let parent = match fields.get("parent") {
            "" => None,
            parent => Some(parent.parse().map_err(|_| {
                PageError::BadRequest(
                    "The form does not say which commit it was made for.".to_owned(),
                )
            })?),
        };
        let description = fields.get("description").replace("\r\n", "\n");
        Ok(Self {
            parent,
            title: fields.get("title").chars().take(MAX_TITLE).collect(),
            description: description.chars().take(MAX_DESCRIPTION).collect(),
        })
    }

    /// As a form carries it.
    pub(super) fn parent_text(&self) -> &str {
        self.parent.as_ref().map_or("", Revision::as_str)
    }
}

/// Makes the commit on the one that its page was opened at. `title` is the one it has if nobody chose another.
pub(super) async fn commit(
    state: &WebState,
    found: &Found,
    visitor: &PageRequest,
    wanted: Wanted,
    title: String,
    change: (Vec<Operation>, Spool),
) -> Result<Revision, NotCommitted> {
    if wanted.parent.is_none()
        && let Some(head) = state.repos.read(found.space.id, Repo::head).await?
    {
        return Err(NotCommitted::Overtaken(head));
    }
    land(state, found, visitor, wanted, title, change).await
}

/// The same on whatever is there, if nothing is named.
async fn land(
    state: &WebState,
    found: &Found,
    visitor: &PageRequest,
    wanted: Wanted,
    title: String,
    (operations, spool): (Vec<Operation>, Spool),
) -> Result<Revision, NotCommitted> {
    let (_, author) = visitor.signed_in()?;
    let id = found.space.id;
    let request = CommitRequest {
        branch: MAIN.to_owned(),
        parent: wanted.parent,
        title: match wanted.title.as_str() {
            "" => title,
            _ => wanted.title,
        },
        description: wanted.description,
        author: author.name.to_string(),
        operations,
        spool,
    };
    let by = visitor.principal.clone();
    let made = (state.lifecycle).commit(RepoKind::Space, id.into(), request, by);
    match made.await {
        Err(LifecycleError::Repo(RepoError::Conflict {
            actual: Some(head), ..
        })) => Err(NotCommitted::Overtaken(head)),
        made => Ok(made?),
    }
}

/// An empty spool, with what room the Space's owner has.
pub(super) async fn spool(state: &WebState, found: &Found) -> Result<Spool, PageError> {
    let room = state.lifecycle.disk_room(found.space.owner).await?;
    Ok(state.repos.spool(room)?)
}

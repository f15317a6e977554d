//! The pages of one Space. Each finds the Space as its visitor may see it, and stands under the same head.

mod apis;
mod app;
mod blob;
mod calls;
mod commit;
mod edit;
mod endpoints;
mod files;
mod history;
mod logs;
mod raw;
mod restore;
mod settings;
mod snippets;
mod social;

use axum::Router;
use axum::routing::{get, post};

pub(super) use apis::Apis;

use super::page_request::PageRequest;
use super::summary::{SpaceSummary, StageSummary};
use super::{PageError, WebState};
use crate::auth::{Action, may};
use crate::domain::{RepoKind, RepoName, RepoUid, Repository, Space, Stage, about};
use crate::lifecycle::SpaceView;

/// A Space that its visitor may at least visit.
pub(super) struct Found {
    pub(super) space: Space,
    pub(super) view: SpaceView,
    /// Whether the visitor sees the source.
    pub(super) sees: bool,
    /// Whether the visitor may change it, and read its logs.
    pub(super) writes: bool,
}

/// That an operator has disabled it.
pub(super) struct Hold {
    /// In the operator's words.
    pub(super) reason: String,
    /// In the owner's.
    pub(super) answer: Option<String>,
}

/// What stands at the head of each of its pages.
pub(super) struct Head {
    pub(super) look: SpaceSummary,
    /// Which page this is.
    pub(super) tab: &'static str,
    pub(super) sees: bool,
    pub(super) writes: bool,
    pub(super) liked: bool,
    pub(super) hold: Option<Hold>,
}

/// All pages of Spaces.
pub(super) fn routes() -> Router<WebState> {
    Router::new()
        .route("/spaces/{owner}/{name}", get(app::page))
        .route("/spaces/{owner}/{name}/open", get(app::open))
        .route("/spaces/{owner}/{name}/stage", get(app::stage))
        .route("/spaces/{owner}/{name}/files", get(files::root))
        .route(
            "/spaces/{owner}/{name}/tree/{revision}",
            get(files::at_revision),
        )
        .route(
            "/spaces/{owner}/{name}/tree/{revision}/{*path}",
            get(files::folder),
        )
        .route(
            "/spaces/{owner}/{name}/blob/{revision}/{*path}",
            get(blob::page),
        )
        .route(
            "/spaces/{owner}/{name}/raw/{revision}/{*path}",
            get(raw::file),
        )
        .route(
            "/spaces/{owner}/{name}/commits/{revision}",
            get(history::page),
        )
        .route(
            "/spaces/{owner}/{name}/commit/{revision}",
            get(commit::page),
        )
        .route(
            "/spaces/{owner}/{name}/restore/{revision}",
            get(restore::page).post(restore::restore),
        )
        .merge(edit::routes())
        .route("/spaces/{owner}/{name}/logs", get(logs::page))
        .route("/spaces/{owner}/{name}/logs/{which}", get(logs::follow))
        .route(
            "/spaces/{owner}/{name}/settings",
            get(settings::page).post(settings::change),
        )
        .route(
            "/spaces/{owner}/{name}/settings/import",
            post(settings::import),
        )
        .route("/spaces/{owner}/{name}/like", post(social::like))
        .route(
            "/spaces/{owner}/{name}/report",
            get(social::report_page).post(social::report),
        )
}

/// The Space of that name, for a visitor who may see or visit it. To others there is none.
///
/// # Errors
/// `NotFound`.
pub(super) async fn find(
    state: &WebState,
    visitor: &PageRequest,
    owner: &str,
    name: &str,
) -> Result<Found, PageError> {
    let name: RepoName = format!("{owner}/{name}")
        .parse()
        .map_err(|_| PageError::NotFound)?;
    let Some(space) = state.store.space_by_name(&name).await? else {
        return Err(moved(state, visitor, &name).await?);
    };
    let may = |action| may(&visitor.principal, action, &space);
    let (sees, writes) = (may(Action::See), may(Action::Write));
    if !sees && !may(Action::Visit) {
        return Err(PageError::NotFound);
    }
    let view = state.lifecycle.view(&space).await?;
    Ok(Found {
        space,
        view,
        sees,
        writes,
    })
}

/// What is said of a name that no Space has: that it was another's once, to those who may see or visit that one.
async fn moved(
    state: &WebState,
    visitor: &PageRequest,
    name: &RepoName,
) -> Result<PageError, PageError> {
    let kind = RepoKind::Space;
    let found = state.store.repository_by_former_name(kind, name).await?;
    let seen = |repo: &Repository| {
        [Action::See, Action::Visit]
            .into_iter()
            .any(|action| visitor.principal.may(action, repo))
    };
    // `/spaces/OWNER/NAME` and what follows.
    let (path, query) = match visitor.here.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (visitor.here.as_str(), String::new()),
    };
    let mut parts = path.splitn(5, '/').skip(1);
    let (page, rest) = (parts.next(), parts.nth(2));
    Ok(match found.filter(seen) {
        Some(repo) if page == Some("spaces") => {
            let rest = rest.map_or(String::new(), |rest| format!("/{rest}"));
            PageError::Moved(format!("/spaces/{}{rest}{query}", repo.name))
        }
        _ => PageError::NotFound,
    })
}

/// Why an operator has disabled the Space, if one has.
pub(super) async fn hold_of(state: &WebState, space: &Space) -> Result<Option<Hold>, PageError> {
    let Some(reason) = &space.disabled else {
        return Ok(None);
    };
    Ok(Some(Hold {
        reason: reason.clone(),
        answer: state.store.answer_of(space.id).await?,
    }))
}

// === impl Found ===

impl Found {
    /// How it is doing, in a sentence.
    pub(super) fn long(&self) -> String {
        let stage = self.stage();
        match (self.view.build_place, self.view.queue_place) {
            (Some(place), _) if self.view.stage == Stage::Building => {
                format!("Waiting to be built: number {place} in the queue.")
            }
            (_, Some(place)) if self.view.stage == Stage::AppStarting => {
                format!("Waiting for room to start: number {place} in the queue.")
            }
            _ => {
                let usual = match self.view.stage {
                    Stage::Building => ("build", self.view.usual_build),
                    Stage::AppStarting => ("start", self.view.usual_start),
                    _ => ("", None),
                };
                match usual {
                    (what, Some(time)) if self.space.disabled.is_none() => {
                        format!("{} A {what} usually takes {}.", stage.long, about(time))
                    }
                    _ => stage.long.to_owned(),
                }
            }
        }
    }

    /// The same, for a visitor who sees the source.
    ///
    /// # Errors
    /// `NotFound`.
    pub(super) fn source(self) -> Result<Self, PageError> {
        match self.sees {
            true => Ok(self),
            false => Err(PageError::NotFound),
        }
    }

    /// The same, for a visitor who may change it.
    ///
    /// # Errors
    /// `SignIn` for anybody; `Forbidden` for those who may only look.
    pub(super) fn owned(self, visitor: &PageRequest) -> Result<Self, PageError> {
        visitor.signed_in()?;
        match self.writes {
            true => Ok(self),
            false => Err(PageError::Forbidden(format!(
                "Only {} may do this with {}.",
                self.space.name.owner, self.space.name
            ))),
        }
    }

    /// The head of the page `tab`.
    ///
    /// # Errors
    /// Ours only.
    pub(super) async fn head(
        &self,
        state: &WebState,
        visitor: &PageRequest,
        tab: &'static str,
    ) -> Result<Head, PageError> {
        let repo = RepoUid::from(self.space.id);
        let likes = state.store.count_likes(&[repo]).await?;
        let likes = likes.get(&repo).copied().unwrap_or_default();
        let liked = match visitor.account_id() {
            Some(account) => state.store.is_liked(account, repo).await?,
            None => false,
        };
        let look = SpaceSummary::of(state, &self.space, self.stage(), likes).await?;
        Ok(Head {
            look,
            tab,
            sees: self.sees,
            writes: self.writes,
            liked,
            hold: hold_of(state, &self.space).await?,
        })
    }

    pub(super) fn stage(&self) -> StageSummary {
        StageSummary::seen(&self.space, &self.view, self.writes)
    }
}

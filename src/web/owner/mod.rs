//! An owner's page: the Spaces of a person or of an organisation, and who is in it.

mod members;

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

use super::error::show;
use super::page_request::{Frame, PageRequest};
use super::summary::{SpaceSummary, StageSummary};
use super::{PageError, WebState};
use crate::auth::Action;
use crate::domain::{
    Account, AccountKind, MemberRole, Millis, Owner, RepoUid, SpaceId, Stage, Visibility,
};
use crate::store::ListRepositories;

/// Spaces of one page.
const PAGE: usize = 36;

#[derive(Debug, Default, Deserialize)]
struct Asked {
    after: Option<String>,
    #[serde(default)]
    done: String,
}

/// What goes with the answer to a form.
#[derive(Default)]
struct Outcome {
    problem: String,
    /// Who was named in it.
    name: String,
}

/// Somebody in an organisation, or an organisation that somebody is in.
struct Tie {
    name: String,
    role: &'static str,
}

#[derive(Template)]
#[template(path = "owner.html", config = "src/web/askama.toml")]
struct OwnerPage {
    frame: Frame,
    name: String,
    organization: bool,
    /// An organisation's members; a person's organisations.
    ties: Vec<Tie>,
    /// What members may be; empty for those who do not choose them.
    roles: Vec<&'static str>,
    done: bool,
    outcome: Outcome,
    spaces: Vec<SpaceSummary>,
    /// The cursor of the next page; empty on the last one.
    next: String,
    is_first: bool,
}

/// `/spaces/{owner}`
pub(super) fn routes() -> Router<WebState> {
    Router::new().route("/spaces/{owner}", get(page).post(members::change))
}

async fn page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path(owner): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let found = state.account_named(&owner).await?;
    let owner = found.ok_or(PageError::NotFound)?;
    render(&state, &visitor, owner, &asked, Outcome::default()).await
}

async fn render(
    state: &WebState,
    visitor: &PageRequest,
    owner: Account,
    asked: &Asked,
    outcome: Outcome,
) -> Result<Response, PageError> {
    let after = match asked.after.as_deref().map(cursor) {
        Some(None) => {
            let text = "This page of the list does not exist.";
            return Err(PageError::BadRequest(text.to_owned()));
        }
        after => after.flatten(),
    };
    let list = ListRepositories {
        owner: Some(owner.name.clone()),
        visible_to: visitor.account_id(),
        everything: visitor.principal.looks_everywhere(),
        after,
        limit: i64::try_from(PAGE + 1).unwrap_or(i64::MAX),
        ..ListRepositories::default()
    };
    let mut listed = state.store.list_spaces(&list).await?;
    let more = listed.len() > PAGE;
    listed.truncate(PAGE);
    let last = listed.last().filter(|_| more);
    let next = last.map(|last| format!("{}.{}", last.updated_at, last.id));
    let ids: Vec<_> = listed.iter().map(|space| RepoUid::from(space.id)).collect();
    let likes = state.store.count_likes(&ids).await?;
    let mut spaces = Vec::with_capacity(listed.len());
    for space in &listed {
        let view = state.lifecycle.view(space).await?;
        let writes = visitor.principal.may(Action::Write, space);
        let never_ran = view.stage == Stage::NoAppFile && !view.answers;
        // Whoever sees what is private is no stranger.
        if never_ran && !writes && space.visibility != Visibility::Private {
            continue;
        }
        let stage = StageSummary::seen(space, &view, writes);
        let likes = likes.get(&space.id.into()).copied().unwrap_or_default();
        spaces.push(SpaceSummary::of(state, space, stage, likes).await?);
    }
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &OwnerPage {
            ties: ties(state, &owner).await?,
            roles: match visitor.principal.may_choose_members(owner.id) {
                true => MemberRole::ALL.map(MemberRole::as_str).to_vec(),
                false => Vec::new(),
            },
            done: asked.done == "members",
            outcome,
            name: owner.name.to_string(),
            organization: owner.kind == AccountKind::Organization,
            spaces,
            next: next.unwrap_or_default(),
            is_first: after.is_none(),
            frame,
        },
    ))
}

/// Who is in an organisation, or which ones somebody is in. The API tells everybody the same.
async fn ties(state: &WebState, owner: &Account) -> Result<Vec<Tie>, PageError> {
    let tie = |name: Owner, role: MemberRole| Tie {
        name: name.to_string(),
        role: role.as_str(),
    };
    Ok(match owner.kind {
        AccountKind::Organization => {
            let members = state.store.members(owner.id).await?;
            let members = members.into_iter();
            members.map(|one| tie(one.name, one.role)).collect()
        }
        AccountKind::User => {
            let memberships = state.store.memberships(owner.id).await?;
            let memberships = memberships.into_iter();
            memberships.map(|one| tie(one.name, one.role)).collect()
        }
    })
}

fn cursor(text: &str) -> Option<(Millis, RepoUid)> {
    let (at, id) = text.split_once('.')?;
    Some((at.parse().ok()?, id.parse::<SpaceId>().ok()?.into()))
}

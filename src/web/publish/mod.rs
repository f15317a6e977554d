//! Publishing from a browser: a form, the checks that the API makes, each shown at its field, and on to the build's log.

mod draft;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::StatusCode;
use serde::Deserialize;

use super::error::show;
use super::page_request::{Frame, PageRequest};
use super::space;
use super::upload::{Upload, receive};
use super::{PageError, WebState, text};
use crate::domain::{Account, RepoKind, RepoName, RepoUid, Sdk, Space, Visibility};
use crate::lifecycle::{LifecycleError, NewCopy};
use crate::repo::{CommitRequest, MAIN, Operation, RepoError};
use crate::store::{Actor, NewRepository, SpaceSettings};

use draft::{Draft, Problems, ready};

pub use draft::Starter;

/// A size on offer.
struct Size {
    name: String,
    label: String,
    /// Whether the quota left has room for it.
    fits: bool,
    chosen: bool,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    copy: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    owner: String,
}

#[derive(Template)]
#[template(path = "new.html", config = "src/web/askama.toml")]
struct NewPage {
    frame: Frame,
    draft: Draft,
    problems: Problems,
    /// Under whom it can be made.
    owners: Vec<String>,
    sdks: Vec<(&'static str, &'static str)>,
    sizes: Vec<Size>,
    starters: Arc<[Starter]>,
    left: String,
    most: String,
}

/// `/new`
pub(super) fn routes() -> Router<WebState> {
    // What is uploaded is counted as it comes, against the limits of repositories.
    let form = get(page).post(publish);
    Router::new().route("/new", form.layer(DefaultBodyLimit::disable()))
}

async fn page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    visitor.signed_in()?;
    let mut draft = Draft {
        owner: asked.owner,
        ..Draft::default()
    };
    if !asked.copy.is_empty() {
        let source = source(&state, &visitor, &asked.copy).await?;
        draft.how = "copy".to_owned();
        draft.copy = source.name.to_string();
        draft.name = source.name.name.to_string();
        draft.sdk = source.sdk.unwrap_or_default();
    } else if state.starters.iter().any(|known| known.name == asked.from) {
        draft.how = "starter".to_owned();
        draft.starter = asked.from;
    }
    render(&state, &visitor, draft, Problems::default())
}

async fn publish(
    State(state): State<WebState>,
    visitor: PageRequest,
    request: axum::extract::Request,
) -> Result<Response, PageError> {
    visitor.signed_in()?;
    let upload = receive(&state, &visitor, request, None).await?;
    let upload = upload.unwrapped()?;
    let draft = Draft::of(&upload.fields);
    match attempt(&state, &visitor, &draft, upload).await {
        Ok(space) => {
            let to = format!("/spaces/{}/logs?which=build", space.name);
            Ok(Redirect::to(&to).into_response())
        }
        Err(Refused::Problems(problems)) => {
            let page = render(&state, &visitor, draft, problems)?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
        Err(Refused::Page(error)) => Err(error),
    }
}

/// Why nothing was published.
enum Refused {
    Problems(Problems),
    Page(PageError),
}

impl<E: Into<PageError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Page(error.into())
    }
}

/// Everything is looked at before anything is made. What fails after that is taken back, so that the form can be sent
/// again under the same name.
async fn attempt(
    state: &WebState,
    visitor: &PageRequest,
    draft: &Draft,
    mut upload: Upload,
) -> Result<Space, Refused> {
    let (_, account) = visitor.signed_in()?;
    let mut problems = Problems::default();
    let owner = visitor.creates_under(state, &draft.owner).await?;
    let name = match (&owner, draft.name.parse()) {
        (Some(owner), Ok(name)) => Some(RepoName {
            owner: owner.name.clone(),
            name,
        }),
        (None, _) => {
            let text = format!("You may not create Spaces under {}.", draft.owner);
            problems.add("name", text);
            None
        }
        (_, Err(error)) => {
            problems.add("name", format!("{error}"));
            None
        }
    };
    if let Some(name) = &name {
        if state.store.space_by_name(name).await?.is_some() {
            problems.add("name", format!("The Space {name} already exists."));
        } else if let Err(error) = name.subdomain() {
            problems.add("name", error.to_string());
        }
    }
    match draft.how.as_str() {
        "starter" => {
            let starter = state
                .starters
                .iter()
                .find(|known| known.name == draft.starter);
            match starter {
                Some(starter) => upload = upload.with(starter.files.clone()).await?,
                None => problems.add("starter", "Choose one of the options.".to_owned()),
            }
        }
        "paste" => match draft::pasted(draft) {
            Ok(file) => upload = upload.with(vec![file]).await?,
            Err(problem) => problems.add("code", problem),
        },
        _ => {}
    }
    let copies = draft.how == "copy";
    if !copies {
        upload = ready(draft, upload, &mut problems).await?;
    }
    let (Some(name), Some(owner), true) = (name, owner, problems.is_empty()) else {
        return Err(Refused::Problems(problems));
    };
    let visibility = Visibility::from_word(&draft.visibility).unwrap_or(Visibility::Public);
    let settings = SpaceSettings {
        hardware: Some(draft.hardware.clone()).filter(|name| !name.is_empty()),
        sleep_after: None,
    };
    if copies {
        let from = source(state, visitor, &draft.copy).await?;
        let new = NewCopy {
            owner: owner.id,
            name,
            visibility,
            settings,
        };
        let by = visitor.principal.clone();
        let made = state.lifecycle.duplicate((&from).into(), new, by).await;
        let made = made.map_err(refused)?;
        remember_creator(state, account, &owner, made.id).await?;
        let space = state.store.space_by_id(made.id.space()).await?;
        return space.ok_or(Refused::Page(PageError::NotFound));
    }
    let new = NewRepository {
        kind: RepoKind::Space,
        owner: owner.id,
        name,
        visibility,
        settings,
    };
    let made = state.lifecycle.create(new, None).await.map_err(refused)?;
    let space = state.store.space_by_id(made.id.space()).await?;
    let space = space.ok_or(Refused::Page(PageError::NotFound))?;
    let made = async {
        remember_creator(state, account, &owner, space.id.into()).await?;
        commit(state, &space, visitor, upload).await
    };
    match made.await {
        Ok(()) => Ok(space),
        Err(error) => {
            // Half a Space is nobody's wish.
            let made = (&space).into();
            state.lifecycle.delete(made, Actor::Server).await?;
            match error {
                PageError::BadRequest(text) => {
                    problems.add("files", text);
                    Err(Refused::Problems(problems))
                }
                other => Err(Refused::Page(other)),
            }
        }
    }
}

/// Contributors to an organisation may change what they have made there.
async fn remember_creator(
    state: &WebState,
    account: &Account,
    owner: &Account,
    made: RepoUid,
) -> Result<(), PageError> {
    if owner.id != account.id {
        state.store.set_creator(made, account.id).await?;
    }
    Ok(())
}

/// Whom a refusal of the control plane concerns.
fn refused(error: LifecycleError) -> Refused {
    let field = match &error {
        LifecycleError::Taken { .. } => "name",
        LifecycleError::Over(_) | LifecycleError::Repo(RepoError::OverQuota(_)) => "form",
        LifecycleError::Refused(text) if text.contains("hardware") => "hardware",
        LifecycleError::Refused(_) => "name",
        _ => return Refused::Page(error.into()),
    };
    let mut problems = Problems::default();
    let text = match error {
        // Which one that is, not everybody may know.
        LifecycleError::Taken { .. } => {
            "A Space with that name or the same address already exists. Choose another name."
                .to_owned()
        }
        error => error.to_string(),
    };
    problems.add(field, text);
    Refused::Problems(problems)
}

async fn commit(
    state: &WebState,
    space: &Space,
    visitor: &PageRequest,
    upload: Upload,
) -> Result<(), PageError> {
    let (_, author) = visitor.signed_in()?;
    let operations = upload.files.into_iter();
    let request = CommitRequest {
        branch: MAIN.to_owned(),
        parent: None,
        title: "Publish from the browser".to_owned(),
        description: String::new(),
        author: author.name.to_string(),
        operations: operations
            .map(|(path, content)| Operation::Put { path, content })
            .collect(),
        spool: upload.spool,
    };
    let id = space.id.into();
    let by = visitor.principal.clone();
    (state.lifecycle)
        .commit(RepoKind::Space, id, request, by)
        .await?;
    Ok(())
}

/// A Space to be copied, which its copier sees the source of.
async fn source(state: &WebState, visitor: &PageRequest, name: &str) -> Result<Space, PageError> {
    let (owner, name) = name.split_once('/').ok_or(PageError::NotFound)?;
    let found = space::find(state, visitor, owner, name).await?.source()?;
    Ok(found.space)
}

fn render(
    state: &WebState,
    visitor: &PageRequest,
    draft: Draft,
    problems: Problems,
) -> Result<Response, PageError> {
    let (_, account) = visitor.signed_in()?;
    let book = &state.ledger.owner(account.id).memory;
    let (used, most) = (book.used(), book.limit());
    let left = most.saturating_sub(used);
    let owners = visitor.owners();
    // An organisation has room of its own.
    let only_own = owners.len() < 2;
    let sizes = state.lifecycle.hardware().iter().map(|size| Size {
        name: size.name.clone(),
        label: format!(
            "{}: {}, {}",
            size.title,
            size.cpu_text(),
            size.memory_text()
        ),
        fits: !only_own || size.limits.memory_bytes <= left,
        chosen: draft.hardware == size.name,
    });
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &NewPage {
            sdks: Sdk::ALL
                .into_iter()
                .map(|sdk| (sdk.as_str(), draft::about(sdk)))
                .collect(),
            sizes: sizes.collect(),
            starters: Arc::clone(&state.starters),
            owners: owners.iter().map(ToString::to_string).collect(),
            left: text::memory(left),
            most: text::memory(most),
            frame,
            draft,
            problems,
        },
    ))
}

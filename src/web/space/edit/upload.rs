//! Uploading files into a folder of a Space that is there already.

use askama::Template;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

use super::{NotCommitted, Wanted, land};
use crate::domain::Revision;
use crate::repo::{FilePath, MAIN, Operation};
use crate::web::error::show;
use crate::web::page_request::{Frame, PageRequest};
use crate::web::space::files::address;
use crate::web::space::{Found, Head, find};
use crate::web::upload::{Upload, receive};
use crate::web::{PageError, WebState};

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default, rename = "in")]
    folder: String,
}

#[derive(Template)]
#[template(path = "space/upload.html", config = "src/web/askama.toml")]
struct UploadPage {
    frame: Frame,
    head: Head,
    folder: String,
    wanted: Wanted,
    usual_title: String,
    problem: String,
    back: String,
}

/// `GET /spaces/{owner}/{name}/upload/main`
pub(super) async fn page(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let found = find(&state, &visitor, &owner, &name).await?;
    let found = found.owned(&visitor)?;
    let folder = asked.folder.trim_matches('/').to_owned();
    render(
        &state,
        &visitor,
        &found,
        folder,
        Wanted::default(),
        String::new(),
    )
    .await
}

/// `POST /spaces/{owner}/{name}/upload/main`
pub(super) async fn upload(
    State(state): State<WebState>,
    visitor: PageRequest,
    Path((owner, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, PageError> {
    let found = find(&state, &visitor, &owner, &name).await?;
    let found = found.owned(&visitor)?;
    visitor.signed_in()?;
    // Said before anything is sent.
    state.store.check_room()?;
    let upload = receive(&state, &visitor, request, Some(found.space.owner)).await?;
    let folder = upload.fields.get("folder").trim_matches('/').to_owned();
    let wanted = Wanted::of(&upload.fields)?;
    match attempt(&state, &found, &visitor, &folder, wanted.clone(), upload).await {
        Ok(_) => {
            let base = format!("/spaces/{}", found.space.name);
            Ok(Redirect::to(&address(&base, "tree", MAIN, &folder)).into_response())
        }
        Err(NotCommitted::Page(error)) => Err(error),
        Err(refused) => {
            let problem = match refused {
                NotCommitted::Refused(text) => text,
                _ => {
                    "Somebody else committed at the same time. Upload your files again.".to_owned()
                }
            };
            let page = render(&state, &visitor, &found, folder, wanted, problem).await?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}

async fn attempt(
    state: &WebState,
    found: &Found,
    visitor: &PageRequest,
    folder: &str,
    wanted: Wanted,
    upload: Upload,
) -> Result<Revision, NotCommitted> {
    if upload.files.is_empty() {
        return Err(NotCommitted::Refused(
            "Choose at least one file.".to_owned(),
        ));
    }
    let mut operations = Vec::new();
    for (path, content) in upload.files {
        let path = match folder {
            "" => path,
            folder => format!("{folder}/{path}").parse::<FilePath>()?,
        };
        operations.push(Operation::Put { path, content });
    }
    let title = match operations.as_slice() {
        [Operation::Put { path, .. }] => {
            let path = path.as_str();
            format!("Upload {}", path.rsplit('/').next().unwrap_or(path))
        }
        several => format!("Upload {} files", several.len()),
    };
    // The page said that files of the same name are replaced, so this may be built on whatever is there.
    let wanted = Wanted {
        parent: None,
        ..wanted
    };
    let change = (operations, upload.spool);
    land(state, found, visitor, wanted, title, change).await
}

async fn render(
    state: &WebState,
    visitor: &PageRequest,
    found: &Found,
    folder: String,
    wanted: Wanted,
    problem: String,
) -> Result<Response, PageError> {
    let base = format!("/spaces/{}", found.space.name);
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &UploadPage {
            head: found.head(state, visitor, "files").await?,
            back: address(&base, "tree", MAIN, &folder),
            folder,
            usual_title: "Upload files".to_owned(),
            wanted,
            problem,
            frame,
        },
    ))
}

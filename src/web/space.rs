//! The page of one Space.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Redirect, Response};
use http::HeaderMap;

use super::error::show;
use super::look::Look;
use super::{PageError, WebState};
use crate::arrival::Arrival;
use crate::domain::{SpaceName, Visibility, split_front_matter};

/// Characters of a README that are shown.
const MAX_README_CHARACTERS: usize = 50_000;

#[derive(Template)]
#[template(path = "space.html", config = "src/web/askama.toml")]
struct SpacePage {
    space: Look,
    readme: String,
}

/// `GET /spaces/{owner}/{name}`
pub(super) async fn page(
    State(state): State<WebState>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let name = read_name(&owner, &name)?;
    let space = state.store.space_by_name(&name).await?;
    let space = space
        .filter(|space| space.visibility != Visibility::Private)
        .ok_or(PageError::NotFound)?;
    let readme = match &space.head {
        Some(head) if space.visibility == Visibility::Public => {
            state.cards.readme(space.id, head).await?
        }
        _ => None,
    };
    let arrival = Arrival::of(&state.config, &headers);
    Ok(show(&SpacePage {
        space: Look::of(&state, &arrival, &space).await?,
        readme: readme.map_or_else(String::new, |readme| text_of(&readme)),
    }))
}

/// `GET /spaces/{owner}/{name}/tree/…` and the like.
pub(super) async fn redirect(
    Path((owner, name, _)): Path<(String, String, String)>,
) -> Result<Redirect, PageError> {
    let name = read_name(&owner, &name)?;
    Ok(Redirect::to(&format!("/spaces/{name}")))
}

fn read_name(owner: &str, name: &str) -> Result<SpaceName, PageError> {
    format!("{owner}/{name}")
        .parse()
        .map_err(|_| PageError::NotFound)
}

/// What follows the card.
fn text_of(readme: &str) -> String {
    let text = split_front_matter(readme).map_or(readme, |(_, text)| text);
    text.trim().chars().take(MAX_README_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_authors_write_is_text() {
        let hostile = "<script>alert(1)</script>";
        let page = SpacePage {
            space: Look {
                title: hostile.into(),
                emoji: hostile.into(),
                description: hostile.into(),
                owner: "ada".into(),
                name: "ada/demo".into(),
                sdk: hostile.into(),
                mood: "good",
                stage: "running",
                from: "red",
                to: "blue",
                origin: "http://ada-demo.localhost".into(),
                path: "/run/ada/demo/".into(),
                page: "/spaces/ada/demo".into(),
            },
            readme: text_of(&format!("---\ntitle: x\n---\n{hostile}\n")),
        };
        let html = page.render().expect("renders");
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("&#60;script&#62;"), "{html}");
    }
}

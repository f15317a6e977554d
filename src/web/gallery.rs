//! The gallery: what there is to see.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::error::show;
use super::page_request::{Frame, PageRequest, quoted};
use super::summary::SpaceSummary;
use super::{PageError, WebState};
use crate::domain::{Sdk, SpaceId};
use crate::store::{ListShowcase, Order};

/// Spaces of one page.
const PAGE: usize = 36;

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    search: String,
    #[serde(default)]
    sdk: String,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    sort: String,
    after: Option<String>,
}

/// A choice that is a link.
struct Choice {
    label: String,
    href: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "gallery.html", config = "src/web/askama.toml")]
struct GalleryPage {
    frame: Frame,
    search: String,
    sdk: String,
    tag: String,
    sort: String,
    orders: Vec<Choice>,
    sdks: Vec<Choice>,
    tags: Vec<Choice>,
    spaces: Vec<SpaceSummary>,
    /// The query of the next page; empty on the last one.
    next: String,
    is_first: bool,
    is_filtered: bool,
    hub: String,
}

/// `GET /`
pub(super) async fn page(
    State(state): State<WebState>,
    visitor: PageRequest,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, PageError> {
    let Query(asked) = asked.map_err(|error| PageError::BadRequest(error.body_text()))?;
    let asked = Asked {
        search: asked.search.trim().chars().take(200).collect(),
        ..asked
    };
    state.showcase.read_on(&state).await?;
    let after = match asked.after.as_deref().map(cursor) {
        Some(None) => {
            return Err(PageError::BadRequest(
                "This page of the list does not exist.".to_owned(),
            ));
        }
        after => after.flatten(),
    };
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let request = ListShowcase {
        order: asked.order(),
        search: asked.search.clone(),
        sdk: given(&asked.sdk),
        tag: given(&asked.tag),
        after,
        limit: i64::try_from(PAGE + 1).unwrap_or(i64::MAX),
    };
    let mut found = state.store.showcase(&request).await?;
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| more).map(|last| {
        let after = format!("{}.{}", last.place, last.space.id);
        asked.with("after", &after)
    });
    let mut spaces = Vec::with_capacity(found.len());
    for shown in &found {
        spaces.push(SpaceSummary::of_shown(&state, shown).await?);
    }
    let frame = visitor.frame();
    Ok(show(
        &frame.clone(),
        &GalleryPage {
            orders: asked.orders(),
            sdks: asked.sdks(),
            tags: asked.tags(state.showcase.tags(&state).await?),
            spaces,
            next: next.unwrap_or_default(),
            is_first: after.is_none(),
            is_filtered: !(asked.search.is_empty() && asked.sdk.is_empty() && asked.tag.is_empty()),
            search: asked.search,
            sdk: asked.sdk,
            tag: asked.tag,
            sort: asked.sort,
            hub: visitor.base_url.to_string(),
            frame,
        },
    ))
}

// === impl Asked ===

impl Asked {
    fn order(&self) -> Order {
        match self.sort.as_str() {
            "new" => Order::New,
            "likes" => Order::Likes,
            _ => Order::Trending,
        }
    }

    /// The query with one thing changed, from its beginning.
    fn with(&self, key: &str, value: &str) -> String {
        let same = [
            ("search", self.search.as_str()),
            ("sdk", &self.sdk),
            ("tag", &self.tag),
            ("sort", &self.sort),
        ];
        let others = same.into_iter().filter(|(name, _)| *name != key);
        let pairs = others.chain([(key, value)]);
        let given = pairs.filter(|(_, value)| !value.is_empty());
        let pairs: Vec<_> = given
            .map(|(name, value)| format!("{name}={}", quoted(value)))
            .collect();
        format!("/?{}", pairs.join("&"))
    }

    fn orders(&self) -> Vec<Choice> {
        let orders = [
            (Order::Trending, "", "Trending"),
            (Order::New, "new", "New"),
            (Order::Likes, "likes", "Most liked"),
        ];
        orders
            .into_iter()
            .map(|(order, word, label)| Choice {
                label: label.to_owned(),
                href: self.with("sort", word),
                chosen: self.order() == order,
            })
            .collect()
    }

    fn sdks(&self) -> Vec<Choice> {
        let all = Sdk::ALL.into_iter().map(Sdk::as_str);
        all.map(|sdk| self.choice("sdk", sdk, &self.sdk)).collect()
    }

    fn tags(&self, popular: Vec<(String, i64)>) -> Vec<Choice> {
        let mut names: Vec<_> = popular.into_iter().map(|(tag, _)| tag).collect();
        if !self.tag.is_empty() && !names.contains(&self.tag) {
            names.insert(0, self.tag.chars().take(60).collect());
        }
        names
            .iter()
            .map(|tag| self.choice("tag", tag, &self.tag))
            .collect()
    }

    /// A choice that, once taken, is given up by being taken again.
    fn choice(&self, key: &str, value: &str, present: &str) -> Choice {
        let chosen = value == present;
        Choice {
            label: value.to_owned(),
            href: self.with(key, if chosen { "" } else { value }),
            chosen,
        }
    }
}

fn cursor(text: &str) -> Option<(i64, SpaceId)> {
    let (at, id) = text.split_once('.')?;
    Some((at.parse().ok()?, id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_keep_each_other() {
        let asked = Asked {
            search: "a&b".into(),
            sdk: "static".into(),
            ..Asked::default()
        };
        assert_eq!(
            asked.with("sort", "new"),
            "/?search=a%26b&sdk=static&sort=new"
        );
        assert_eq!(
            asked.choice("sdk", "static", "static").href,
            "/?search=a%26b"
        );
    }
}

//! READMEs as pages: Markdown to HTML, and of the HTML only what cannot act, load or look like the hub.

use std::borrow::Cow;
use std::collections::HashSet;

use ammonia::{Builder, UrlRelative};
use pulldown_cmark::{Options, Parser, html};

/// Bytes of a README that are rendered; the rest is left out, which the page says.
pub(super) const MAX_BYTES: usize = 256 << 10;

/// Nesting that is still rendered. The sanitiser's tree grows with it.
const MAX_DEPTH: usize = 64;

/// Tags written as HTML that are still rendered. They may nest as deep as they are many, and the time to read them grows
/// with the square of that.
const MAX_TAGS: usize = 2000;

/// What is read beyond CommonMark.
pub(super) const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS);

/// Tags and attributes that describe text. No ids or names, which could stand in for the page's own; classes only those
/// of code, which nothing here gives a meaning.
pub(super) fn cleaner() -> Builder<'static> {
    let mut cleaner = Builder::default();
    cleaner
        .add_tags(["input", "section"])
        .rm_tags(["map", "area"])
        .add_tag_attributes("input", ["type", "checked", "disabled"])
        .add_tag_attributes("p", ["align"])
        .add_tag_attributes("div", ["align"])
        .add_tag_attributes("img", ["width", "height", "align"])
        .set_tag_attribute_value("input", "type", "checkbox")
        .set_tag_attribute_value("input", "disabled", "")
        .set_tag_attribute_value("img", "loading", "lazy")
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .link_rel(Some("nofollow noopener noreferrer ugc"));
    cleaner
}

/// A README without its card as HTML that may stand in a page. Links and pictures that are relative lead to the files
/// beside it: `links` and `pictures` are addresses that end in a slash. Pictures from elsewhere are left out, for a page
/// of ours asks nobody else for anything.
pub(super) fn render(text: &str, links: &str, pictures: &str) -> String {
    let text = &text[..text.floor_char_boundary(MAX_BYTES)];
    let mut depth = 0usize;
    let mut tags = 0usize;
    let events = Parser::new_ext(text, OPTIONS).filter(|event| match event {
        pulldown_cmark::Event::Start(_) => {
            depth += 1;
            depth <= MAX_DEPTH
        }
        pulldown_cmark::Event::End(_) => {
            let shown = depth <= MAX_DEPTH;
            depth = depth.saturating_sub(1);
            shown
        }
        pulldown_cmark::Event::Html(html) | pulldown_cmark::Event::InlineHtml(html) => {
            tags += html.matches('<').count();
            tags <= MAX_TAGS
        }
        _ => true,
    });
    let mut raw = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut raw, events);
    let (links, pictures) = (links.to_owned(), pictures.to_owned());
    let mut cleaner = cleaner();
    cleaner
        .url_relative(UrlRelative::PassThrough)
        .attribute_filter(move |tag, attribute, value| match (tag, attribute) {
            ("img", "src") => image(value, &pictures).map(Cow::Owned),
            ("a", "href") => Some(Cow::Owned(link(value, &links))),
            ("a", "class") | ("div", "class") => None,
            _ => Some(value.into()),
        });
    cleaner.clean(&raw).to_string()
}

/// Whether an address leads to another server, or says by what scheme.
pub(super) fn is_absolute(address: &str) -> bool {
    let scheme = address.split([':', '/', '?', '#']).next().unwrap_or("");
    let schemed = address[scheme.len()..].starts_with(':');
    schemed || address.starts_with("//") || address.starts_with('\\')
}

/// Where a picture of the repository lies; `None` for one from elsewhere.
fn image(address: &str, base: &str) -> Option<String> {
    if is_absolute(address) || address.starts_with('#') {
        return None;
    }
    Some(below(address, base))
}

fn link(address: &str, base: &str) -> String {
    if is_absolute(address) || address.starts_with('#') {
        return address.to_owned();
    }
    below(address, base)
}

/// `./a/../b` and `/b` below the base, which they never leave.
fn below(address: &str, base: &str) -> String {
    let end = address.find(['?', '#']).unwrap_or(address.len());
    let (path, rest) = address.split_at(end);
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("{base}{}{rest}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        render(text, "/spaces/a/b/blob/main/", "/spaces/a/b/raw/main/")
    }

    #[test]
    fn text_is_shown_and_nothing_acts() {
        let html = shown(
            "# Hello\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1)) <b onclick=x>bold</b>",
        );
        assert!(
            html.contains("<h1>Hello</h1>") && html.contains("<b>bold</b>"),
            "{html}"
        );
        assert!(
            !html.contains("script") && !html.contains("onclick"),
            "{html}"
        );
        let form = shown(
            "<form action=/x><input name=form value=1></form><style>*{}</style><iframe src=/></iframe>",
        );
        assert!(
            !form.contains("<form") && !form.contains("name=") && !form.contains("<style"),
            "{form}"
        );
        assert!(!form.contains("<iframe"), "{form}");
    }

    #[test]
    fn files_beside_it_are_found_and_others_are_not_asked() {
        let html =
            shown("![a](./img/../cat.png) ![b](https://elsewhere.example/b.png) [d](docs/x.md#y)");
        assert!(
            html.contains("src=\"/spaces/a/b/raw/main/cat.png\""),
            "{html}"
        );
        assert!(!html.contains("elsewhere"), "{html}");
        assert!(
            html.contains("href=\"/spaces/a/b/blob/main/docs/x.md#y\""),
            "{html}"
        );
        for outside in [
            "//evil.example/x",
            "\\\\evil.example\\x",
            "data:image/svg+xml,x",
        ] {
            let html = shown(&format!("<img src=\"{outside}\">"));
            assert!(!html.contains("src="), "{html}");
        }
    }

    #[test]
    fn depth_and_length_have_an_end() {
        let deep = shown(&"> ".repeat(20_000));
        assert!(
            deep.matches("<blockquote>").count() <= MAX_DEPTH,
            "too deep"
        );
        assert!(shown(&"a ".repeat(1 << 20)).len() < 2 * MAX_BYTES);
        let tags = |count: usize| shown(&"<b>x</b>\n".repeat(count)).matches("<b>").count();
        assert_eq!(tags(100), 100);
        assert!(tags(20_000) <= MAX_TAGS, "too many tags");
        assert!(!shown(&"<div>".repeat(20_000)).contains("<div>"));
    }

    proptest! {
        #[test]
        fn relative_addresses_stay_below(address in "[a-z./?#]{0,30}") {
            if let Some(found) = image(&address, "/base/") {
                prop_assert!(found.starts_with("/base/"));
                let path = found.split(['?', '#']).next().expect("one");
                prop_assert!(path.split('/').all(|part| part != ".."), "{}", found);
            }
        }

        #[test]
        fn no_readme_acts(text in "\\PC{0,200}") {
            let html = shown(&text).to_lowercase();
            prop_assert!(!html.contains("<script") && !html.contains("javascript:\""));
        }
    }
}

//! The documents, on disk and as pages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::support::{Hub, Server};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown file below a folder, but for what tools have made there.
fn markdown_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir()
            && !["target", ".git", "node_modules"]
                .iter()
                .any(|out| name == *out)
        {
            markdown_files(&path, found);
        } else if kind.is_file() && path.extension().is_some_and(|end| end == "md") {
            found.push(path);
        }
    }
}

/// Where a file's links and pictures lead, and what its headings are called in addresses.
fn links_and_anchors(text: &str) -> (Vec<String>, BTreeSet<String>) {
    let (mut links, mut anchors) = (Vec::new(), BTreeSet::new());
    let mut heading = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                links.push(dest_url.to_string());
            }
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let title = heading.take().unwrap_or_default().to_lowercase();
                let plain = |letter: &char| letter.is_alphanumeric() || "-_ ".contains(*letter);
                let anchor: String = title.chars().filter(plain).collect();
                assert!(anchors.insert(anchor.replace(' ', "-")), "{title} twice");
            }
            Event::Text(text) | Event::Code(text) => {
                heading
                    .iter_mut()
                    .for_each(|heading| heading.push_str(&text));
            }
            _ => {}
        }
    }
    (links, anchors)
}

#[test]
fn links_between_files_lead_somewhere() {
    let mut files = Vec::new();
    markdown_files(root(), &mut files);
    assert!(files.len() > 20, "{files:?}");
    let anchors_of = |path: &Path| links_and_anchors(&fs::read_to_string(path).unwrap()).1;
    let mut wrong = Vec::new();
    for file in &files {
        let (links, _) = links_and_anchors(&fs::read_to_string(file).unwrap());
        for link in links.iter().filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => file.clone(),
                path => file.parent().unwrap().join(path),
            };
            let leads =
                target.exists() && (anchor.is_empty() || anchors_of(&target).contains(anchor));
            if !leads {
                wrong.push(format!("{}: {link}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What an attribute says, wherever it is in a page.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let begin = format!(" {name}=\"");
    let parts = page.split(begin.as_str()).skip(1);
    parts.map(|part| part.split('"').next().unwrap()).collect()
}

/// The pages of all documents, by address.
fn pages(hub: &Hub<'_>) -> BTreeMap<String, String> {
    let index = hub.get("/docs").expect(200).text();
    let addresses = attributes(&index, "href");
    let addresses = addresses.into_iter().filter(|to| to.starts_with("/docs/"));
    addresses
        .map(|to| (to.to_owned(), hub.get(to).expect(200).text()))
        .collect()
}

#[test]
fn links_between_pages_lead_somewhere() {
    let server = Server::start();
    let hub = server.anonymous();
    let pages = pages(&hub);
    for file in fs::read_dir(root().join("deploy/docs")).unwrap().flatten() {
        let path = file.path();
        if path.extension().is_some_and(|end| end == "md") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(pages.contains_key(&format!("/docs/{name}")), "{name}");
        }
    }
    let mut wrong = Vec::new();
    let mut between = 0;
    for (address, page) in &pages {
        for link in attributes(page, "href") {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let path = if path.is_empty() { address } else { path };
            if path == "/docs" || !path.starts_with("/docs") {
                // A file of the repository is no page.
                if path.contains(".md") || path.starts_with('.') {
                    wrong.push(format!("{address}: {link}"));
                }
                continue;
            }
            between += usize::from(!anchor.is_empty());
            let target = pages.get(path);
            let id = format!(" id=\"{anchor}\"");
            if !target.is_some_and(|page| anchor.is_empty() || page.contains(&id)) {
                wrong.push(format!("{address}: {link}"));
            }
        }
        for picture in attributes(page, "src") {
            let is_script = picture.starts_with("/assets/");
            if !is_script && hub.get(picture).header("content-type") != Some("image/png") {
                wrong.push(format!("{address}: {picture}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(between > 100, "only {between} links to headings");
}

#[test]
fn they_are_found_by_their_words() {
    let server = Server::start();
    let hub = server.anonymous();
    let front = hub.get("/").expect(200).text();
    assert!(front.contains("<a href=\"/docs\""), "{front}");
    let page = hub.get("/docs?q=realtime").expect(200).text();
    assert!(
        page.contains("href=\"/docs/operating#visitors-before-guests\""),
        "{page}"
    );
    assert!(
        page.contains("server.<mark>realtime</mark> = true"),
        "{page}"
    );
    let page = hub.get("/docs?q=lost%20TOKEN%20reset").expect(200).text();
    assert!(
        page.contains("href=\"/docs/accounts#a-lost-token\""),
        "{page}"
    );
    let page = hub.get("/docs?q=%3Cscript%3Ealert").expect(200).text();
    assert!(
        page.contains("Nothing here has all of these words"),
        "{page}"
    );
    assert!(!page.contains("<script>alert"), "{page}");
    hub.get(&format!("/docs?q={}", "a%20".repeat(5000)))
        .expect(200);
    hub.get("/docs?q=%ff%fe").expect(200);
    for nothing in [
        "/docs/nothing",
        "/docs/images/nothing.png",
        "/docs/..%2fREADME.md",
    ] {
        hub.get(nothing).expect(404);
    }
}

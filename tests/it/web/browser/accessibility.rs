//! What axe-core, the engine of most accessibility checkers, has to say of every page.

use serde_json::Value;

use super::{page, sign_in};
use crate::support::browser::Browser;
use crate::support::clients::cache;
use crate::support::guests::wasi;
use crate::support::{Op, Server, card};

const VISITORS: &[&str] = &[
    "/",
    "/?q=nothing-has-this-name",
    "/docs",
    "/docs?q=memory",
    "/docs/overview",
    "/docs/card",
    "/docs/operating",
    "/login",
    "/no/such/page",
    "/spaces/alice/site",
    "/spaces/alice",
    "/spaces/alice/site/files",
    "/spaces/alice/site/blob/main/src/app.js",
    "/spaces/alice/site/commits/main",
    "/spaces/alice/site/commit/main",
    "/spaces/alice/site/report",
    "/spaces/alice/broken",
];
const PUBLISHERS: &[&str] = &[
    "/new",
    "/settings",
    "/settings?hours=168",
    "/login/device",
    "/login/device?code=ABCD-EFGH",
    "/spaces/alice/guest",
    "/spaces/alice/guest/logs",
    "/spaces/alice/guest/logs?which=build",
    "/spaces/alice/guest/logs?which=build&search=nobody-says-this",
    "/spaces/alice/site/logs?which=run",
    "/spaces/alice/site/settings",
    "/spaces/alice/site/files",
    "/spaces/alice/site/commits/main",
    "/spaces/alice/site/edit/main/src/app.js",
    "/spaces/alice/site/new/main?in=src",
    "/spaces/alice/site/delete/main/src",
    "/spaces/alice/site/upload/main?in=src",
    "/spaces/alice/site/restore/main",
    "/spaces/alice/site/restore/{first}",
    "/spaces/alice/broken/logs",
];
const OPERATORS: &[&str] = &[
    "/operator",
    "/operator?hours=168",
    "/operator?tab=spaces",
    "/operator?tab=builds",
    "/operator?owner=alice",
    "/operator?tab=accounts",
    "/operator?tab=audit",
    "/operator?owner=nobody",
];

/// What axe finds that keeps somebody from using the page, or nearly.
fn serious(browser: &Browser, axe: &str) -> Vec<String> {
    browser.run(axe);
    let found = browser.run_async(
        "axe.run(document, {resultTypes: ['violations']}).then(found => arguments[1](found.violations))",
        &Value::Null,
    );
    let violations = found.as_array().unwrap_or_else(|| panic!("{found}"));
    let is_serious = |one: &&Value| one["impact"] == "serious" || one["impact"] == "critical";
    let serious = violations.iter().filter(is_serious);
    serious
        .flat_map(|one| {
            let nodes = one["nodes"].as_array().unwrap().iter();
            nodes.map(|node| {
                let summary = node["failureSummary"].as_str().unwrap_or_default();
                format!("{}: {}\n    {summary}", one["id"], node["html"])
            })
        })
        .collect()
}

#[test]
fn nothing_serious_is_found_on_any_page() {
    look(1280, false);
}

#[test]
fn nothing_serious_is_found_on_a_phone_in_the_dark() {
    look(500, true);
}

fn look(width: u32, dark: bool) {
    let axe = cache().join("axe.min.js");
    let axe = std::fs::read_to_string(&axe)
        .unwrap_or_else(|error| panic!("tests/run fetches {}: {error}", axe.display()));
    let server = Server::start();
    let alice = server.user("alice");
    alice.publish(
        "site",
        &[
            card("sdk: static\ntitle: A site\nemoji: 🐚\ntags: [shells, beach]\nshort_description: What the sea leaves.\n"),
            Op::file("index.html", "<h1>hello</h1>"),
            Op::file("src/app.js", "// a comment\nconst text = `a ${1 + 1} b`;\n"),
        ],
    );
    alice.publish("guest", &wasi("hello", ""));
    let broken = alice.create("broken");
    broken.commit(&[card("sdk: wasi\n"), Op::file("app.wasm", "no wasm")]);
    broken.wait_for("BUILD_ERROR");
    let site = alice.space("site").api("/commits/main");
    let site = site.expect(200).json();
    let first = site[1]["id"].as_str().unwrap();
    let mut found = Vec::new();
    let browser = Browser::open();
    browser.visit("data:text/html,<title>t</title><img src=x>");
    let planted = serious(&browser, &axe).join("\n");
    assert!(planted.contains("image-alt"), "{planted}");
    let admin = server.admin();
    let journeys = [
        (VISITORS, None),
        (PUBLISHERS, Some(&alice)),
        (OPERATORS, Some(&admin)),
    ];
    for (paths, who) in journeys {
        let browser = Browser::sized(width, 900, dark);
        if let Some(who) = who {
            sign_in(&browser, who);
        }
        for path in paths {
            let path = &path.replace("{first}", first);
            browser.visit(&page(&server, path));
            let title = browser.run("return document.title");
            let is_missing = title
                .as_str()
                .unwrap_or_default()
                .starts_with("Page not found");
            assert_eq!(is_missing, path == "/no/such/page", "{path}: {title}");
            // A page that can be pushed aside has something sticking out.
            let sticks_out = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
            assert_eq!(browser.run(sticks_out), false, "{path}, {width} wide");
            let serious = serious(&browser, &axe).into_iter();
            found.extend(serious.map(|one| format!("{path}: {one}")));
        }
    }
    let browser = Browser::sized(width, 900, dark);
    sign_in(&browser, &admin);
    browser.visit(&page(&server, "/operator?owner=alice"));
    browser.fill("#quota-memory", "lots");
    browser.click(".quota-form button");
    browser.shows("#quota-memory-problem", "a size");
    let refused = serious(&browser, &axe).into_iter();
    found.extend(refused.map(|one| format!("a refused quota: {one}")));
    assert!(
        found.is_empty(),
        "{} findings\n{}",
        found.len(),
        found.join("\n")
    );
}

//! What a visitor of a Space sees that does not answer: where to go on, and of its log only what is theirs to read.

use crate::support::{Hub, Op, Server, Space, card};
use serde_json::json;

/// A Space whose newest version does not build.
fn broken<'a>(alice: &Hub<'a>, name: &str, visibility: &str) -> Space<'a> {
    alice
        .create_with(name, json!({"visibility": visibility}))
        .expect(200);
    let space = alice.space(name);
    space.commit(&[card("sdk: wasi\n"), Op::file("app.wasm", "no wasm")]);
    space.wait_for("BUILD_ERROR");
    space
}

/// The page that a browser is shown.
fn page(space: &Space<'_>, token: Option<&str>, destination: &str) -> String {
    let request = space
        .request("GET", "/")
        .header("accept", "text/html")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", destination);
    let request = match token {
        Some(token) => request.bearer(token),
        None => request,
    };
    space.send(&request).expect(503).text()
}

#[test]
fn strangers_are_led_to_its_page_and_its_authors_are_shown_the_log() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let space = broken(&alice, "broken", "public");
    let output = space.log("build");
    let last = output.iter().rfind(|line| !line.trim().is_empty());
    let last = last.expect("the build says why");
    let port = server.address.port();
    let hub = format!("href=\"http://localhost:{port}/spaces/alice/broken");
    for stranger in [None, Some(bob.token.as_str())] {
        let page = page(&space, stranger, "document");
        assert!(page.contains(&format!("{hub}\" target=\"_top\"")), "{page}");
        let log = format!("{hub}/logs?which=build\" target=\"_top\"");
        assert!(page.contains(&log), "{page}");
        assert!(!page.contains("<pre"), "{page}");
    }
    let hers = page(&space, Some(&alice.token), "document");
    let (_, log) = hers.split_once("<pre class=\"log\"").expect("a log");
    let (log, _) = log.split_once("</pre>").unwrap();
    assert!(log.lines().count() <= 16, "{log}");
    let shown = html_escape(last);
    assert!(log.contains(&shown), "{shown}: {log}");
    // A page that frames Spaces lets none lead it away.
    let framed = page(&space, None, "iframe");
    assert!(framed.contains("target=\"_blank\""), "{framed}");
    assert!(!framed.contains("target=\"_top\""), "{framed}");
    // What asks by itself gets one sentence.
    let program = space.request("GET", "/").bearer(&alice.token);
    let answer = space.send(&program).expect(503).json();
    assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
}

#[test]
fn a_token_that_only_reads_reads_no_log() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = broken(&alice, "hidden", "private");
    let made = alice.post("/api/tokens", &json!({"name": "reader", "scope": "read"}));
    let token = made.expect(201).json()["token"].clone();
    let read = page(&space, token.as_str(), "document");
    assert!(read.contains("its log</a>"), "{read}");
    assert!(!read.contains("<pre"), "{read}");
    let written = page(&space, Some(&alice.token), "document");
    assert!(written.contains("<pre class=\"log\""), "{written}");
}

/// As the templates write text.
fn html_escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '"' | '&' | '\'' | '<' | '>' => escaped += &format!("&#{};", letter as u32),
            other => escaped.push(other),
        }
    }
    escaped
}

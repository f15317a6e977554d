//! Files edited in the browser, and the way back.

use serde_json::json;

use super::{page, sign_in};
use crate::support::browser::Browser;
use crate::support::{Op, Server, card, static_site};

#[test]
fn a_demo_is_changed_and_brought_back() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let first = space.commit(&[
        card("sdk: static"),
        Op::file("index.html", "<h1>first</h1>\r\n<p>stays</p>\r\n"),
    ]);
    space.wait_for("RUNNING");
    let browser = Browser::open();
    sign_in(&browser, &alice);
    browser.visit(&page(&server, "/spaces/alice/demo/files"));
    browser.click("a[href$='/blob/main/index.html']");
    browser.click(".path-line a[href$='/edit/main/index.html']");
    browser.find("#text");
    browser.run(
        "const text = document.getElementById('text');
         text.value = text.value.replace('first', 'second').replace('stays', 'goes & comes')",
    );
    browser.fill("#title", "Say something else");
    browser.click(".editor button");
    browser.waits_for("location.pathname == '/spaces/alice/demo/blob/main/index.html'");
    browser.shows(".last", "Say something else");
    let raw = server
        .anonymous()
        .get("/spaces/alice/demo/raw/main/index.html");
    let kept = "<h1>second</h1>\r\n<p>goes & comes</p>\r\n";
    assert_eq!(raw.expect(200).text(), kept);
    browser.visit(&page(&server, "/spaces/alice/demo"));
    browser.enter(Some("iframe#app"));
    browser.shows("h1", "second");

    // What it changed, and back.
    browser.visit(&page(&server, "/spaces/alice/demo/commits/main"));
    browser.click(".commits li:first-child div > a");
    browser.shows(".diff .removed", "- <h1>first</h1>");
    browser.shows(".diff .added", "+ <h1>second</h1>");
    browser.visit(&page(&server, "/spaces/alice/demo/commits/main"));
    browser.click(&format!("a[href$='/restore/{first}']"));
    browser.shows(".plan", "It runs within moments");
    browser.shows(".changed", "1 file changes");
    browser.click("form.row button");
    browser.waits_for("location.pathname == '/spaces/alice/demo/logs'");
    browser.shows("#log", "they are reused");
    space.wait_for("RUNNING");
    assert!(space.visit("/").text().contains("first"));
    let commits = space.api("/commits/main").expect(200).json();
    assert_eq!(commits.as_array().unwrap().len(), 4, "{commits}");

    // Somebody else is faster.
    browser.visit(&page(&server, "/spaces/alice/demo/new/main?in=notes"));
    space.commit(&[Op::file("theirs.txt", "x")]);
    browser.fill("#path", "mine.txt");
    browser.fill("#text", "typed\nat length");
    browser.click(".editor button");
    browser.shows(".notice", "Somebody else has committed");
    let kept =
        "return [document.getElementById('path').value, document.getElementById('text').value]";
    assert_eq!(
        browser.run(kept),
        json!(["notes/mine.txt", "typed\nat length"])
    );
    browser.click(".editor button");
    browser.shows(".source", "at length");
    browser.click(".path-line a[href$='/delete/main/notes/mine.txt']");
    browser.shows("main", "It stays in the history");
    browser.click("button.bad");
    browser.waits_for("location.pathname == '/spaces/alice/demo/tree/main'");
    browser.shows(".files", "theirs.txt");

    // Files that are uploaded, without a script's help.
    let folder = server.scratch("to-upload");
    std::fs::write(folder.join("a.bin"), b"\0\r\n").unwrap();
    std::fs::write(folder.join("b.txt"), "b").unwrap();
    browser.visit(&page(&server, "/spaces/alice/demo/upload/main?in=data"));
    for name in ["a.bin", "b.txt"] {
        browser.fill("#files", folder.join(name).to_str().unwrap());
    }
    browser.click(".editor button");
    browser.waits_for("location.pathname == '/spaces/alice/demo/tree/main/data'");
    browser.shows(".files", "b.txt");
    let raw = server
        .anonymous()
        .get("/spaces/alice/demo/raw/main/data/a.bin");
    assert_eq!(raw.expect(200).body, b"\0\r\n");
    let newest = space.api("/commits/main").expect(200).json()[0].clone();
    assert_eq!(newest["title"], "Upload 2 files");
}

#[test]
fn a_commit_of_everything_is_shown_within_bounds() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&static_site("one"));
    let mut files: Vec<_> = (0..320)
        .map(|index| Op::file(&format!("many/{index:03}.txt"), "line\n".repeat(40)))
        .collect();
    files.push(Op::file("a/long.txt", "x".repeat(2 << 20)));
    files.push(Op::file("a/none.bin", b"\0".to_vec()));
    files.push(Op::file(
        "a/sly.py",
        "a = 1 # \u{202e}<script>alert(1)</script>\n",
    ));
    let large = space.commit(&files);
    let browser = Browser::open();
    browser.visit(&page(
        &server,
        &format!("/spaces/alice/demo/commit/{large}"),
    ));
    browser.shows("main", "300 files and more");
    browser.shows("main", "This file is too long to compare here.");
    browser.shows("main", "This file is not text.");
    browser.shows("main", "This page is full.");
    browser.shows(".diff .added", "\u{fffd}<script>alert(1)</script>");
    let lines = browser.run("return document.querySelectorAll('.diff .added').length");
    assert!(lines.as_u64().unwrap() <= 3000, "{lines}");
}

//! How much a visitor's browser loads before there is something to see.

use crate::support::{Op, Request, Server, card, eventually};

/// Bytes of the gallery with everything it loads, as a browser asks for them.
fn weight(server: &Server) -> usize {
    let ask = |target: &str| {
        Request::get(target)
            .header("accept-encoding", "gzip, deflate, br")
            .send(server.address)
            .expect_whole(200)
    };
    let page = ask("/");
    let text = page.text();
    let parts = text.split(&['"', '\''][..]);
    let assets = parts.filter(|part| part.starts_with("/assets/"));
    let assets = assets.map(|address| {
        let asset = ask(address);
        assert_eq!(asset.header("content-encoding"), Some("gzip"), "{address}");
        asset.body.len()
    });
    let bytes: Vec<_> = std::iter::once(page.body.len()).chain(assets).collect();
    assert!(bytes.len() >= 4, "{text}");
    bytes.iter().sum()
}

#[test]
fn a_full_gallery_is_under_fifty_kilobytes() {
    let server = Server::start();
    let alice = server.user("alice");
    let about = "What it does, in as many words as a card may have. ".repeat(3);
    for number in 0..38 {
        let space = alice.create(&format!("a-demo-with-a-name-{number}"));
        let text = format!(
            "sdk: static\nshort_description: {about}\nemoji: 🐚\ntags: [number-{number}, sea]"
        );
        space.commit(&[card(&text), Op::file("index.html", "x")]);
    }
    eventually(std::time::Duration::from_secs(60), "all are shown", || {
        let text = server.anonymous().get("/").text();
        (text.matches("class=\"house\"").count() == 36).then_some(())
    });
    let weight = weight(&server);
    assert!(weight < 50_000, "{weight} bytes");
}

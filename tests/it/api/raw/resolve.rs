//! `HEAD` and `GET …/resolve/…`.

use crate::support::{Op, Request, Server};

#[test]
fn head_says_what_the_client_caches_by() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let head = space.commit(&[Op::file("index.html", "hello")]);
    let target = "/spaces/alice/demo/resolve/main/index.html";
    let answer = alice.send(Request::new("HEAD", target)).expect(200);
    assert_eq!(answer.header("x-repo-commit"), Some(&*head));
    assert_eq!(answer.header("content-length"), Some("5"));
    // The object's name in git.
    assert_eq!(
        answer.header("etag"),
        Some("\"b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0\"")
    );
    assert!(answer.body.is_empty());
    assert!(answer.header("x-xet-hash").is_none());
    let same =
        alice.send(Request::get(target).header("if-none-match", answer.header("etag").unwrap()));
    assert!(matches!(same.status, 200 | 304), "{same:?}");
}

#[test]
fn ranges_are_served() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&[Op::file("data.bin", "0123456789")]);
    let range = |range: &str| {
        alice.send(Request::get("/spaces/alice/demo/resolve/main/data.bin").header("range", range))
    };
    let middle = range("bytes=2-4").expect(206);
    assert_eq!(middle.text(), "234");
    assert_eq!(middle.header("content-range"), Some("bytes 2-4/10"));
    assert_eq!(range("bytes=7-").expect(206).text(), "789");
    assert_eq!(range("bytes=-3").expect(206).text(), "789");
    assert_eq!(range("bytes=5-99").expect(206).text(), "56789");
    let beyond = range("bytes=10-").expect(416);
    assert_eq!(beyond.header("content-range"), Some("bytes */10"));
    assert_eq!(range("lines=1-2").expect(200).text(), "0123456789");
}

#[test]
fn what_a_stranger_wrote_cannot_act_as_the_hub() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&[
        Op::file("page.html", "<script>alert(1)</script>"),
        Op::file(
            "picture.svg",
            "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        ),
    ]);
    for file in ["page.html", "picture.svg"] {
        let answer = alice
            .get(&format!("/spaces/alice/demo/resolve/main/{file}"))
            .expect(200);
        let policy = answer.header("content-security-policy").unwrap_or_default();
        let kind = answer.header("content-type").unwrap_or_default();
        assert!(
            policy.contains("sandbox") || kind.starts_with("text/plain"),
            "{answer:?}"
        );
        assert!(!policy.contains("allow-same-origin"), "{answer:?}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

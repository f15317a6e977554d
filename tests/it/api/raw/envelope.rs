//! Errors and pages in the form in which the Hub's clients read them.

use crate::support::{Op, Server, static_site};

#[test]
fn absences_carry_their_codes() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let head = space.commit(&static_site("one"));
    let code = |target: &str| {
        let answer = alice.get(target);
        let code = answer.header("x-error-code").unwrap_or("none").to_owned();
        assert!(answer.header("x-error-message").is_some(), "{answer:?}");
        (answer.status, code)
    };
    let missing = |code: &str| (404, code.to_owned());
    assert_eq!(code("/api/spaces/alice/never"), missing("RepoNotFound"));
    assert_eq!(
        code("/api/spaces/alice/never/runtime"),
        missing("RepoNotFound")
    );
    assert_eq!(
        code("/api/spaces/alice/demo/revision/never"),
        missing("RevisionNotFound")
    );
    assert_eq!(
        code("/api/spaces/alice/demo/tree/main/never"),
        missing("EntryNotFound")
    );
    assert_eq!(
        code("/spaces/alice/demo/resolve/never/index.html"),
        missing("RevisionNotFound")
    );
    assert_eq!(
        code("/spaces/alice/demo/resolve/main/never"),
        missing("EntryNotFound")
    );
    // The client remembers an absence only when it knows of which commit.
    let absent = alice.get("/spaces/alice/demo/resolve/main/never");
    assert_eq!(absent.header("x-repo-commit"), Some(&*head));
}

#[test]
fn errors_are_json_with_the_same_words_as_the_header() {
    let server = Server::start();
    let answer = server
        .anonymous()
        .get("/api/spaces/alice/never")
        .expect(404);
    let message = answer.json()["error"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("x-error-message"), Some(&*message));
    assert!(answer.header("x-request-id").is_some());
}

#[test]
fn a_bad_token_is_a_401_that_says_so() {
    let server = Server::start();
    let mut nobody = server.anonymous();
    nobody.token = "gls_0000000000000000000000000000000000000000".into();
    for target in ["/api/whoami-v2", "/api/spaces/alice/demo", "/api/spaces"] {
        let answer = nobody.get(target).expect(401);
        let message = answer.header("x-error-message").unwrap();
        assert_eq!(message, "Invalid credentials in Authorization header");
    }
}

#[test]
fn pages_link_to_the_next() {
    let server = Server::start();
    let alice = server.user("alice");
    for n in 0..7 {
        alice.create(&format!("demo{n}"));
    }
    let mut target = "/api/spaces?limit=3".to_owned();
    let mut pages = Vec::new();
    loop {
        let page = alice.get(&target).expect(200);
        pages.push(page.json().as_array().unwrap().len());
        let Some(link) = page.header("link") else {
            break;
        };
        let url = link.split(['<', '>']).nth(1).unwrap();
        assert!(
            link.contains("rel=\"next\"") && url.starts_with(&server.url()),
            "{link}"
        );
        target = url.trim_start_matches(&server.url()).to_owned();
    }
    assert_eq!(pages, [3, 3, 1]);
}

#[test]
fn quoted_revisions_and_paths_are_understood() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let head = space.commit(&[Op::file("a b/c%d.txt", "odd")]);
    alice
        .get("/api/spaces/alice/demo/tree/refs%2Fheads%2Fmain")
        .expect(200);
    let tree = alice
        .get("/api/spaces/alice/demo/tree/main/a%20b")
        .expect(200)
        .json();
    assert_eq!(tree[0]["path"], "a b/c%d.txt");
    let file = alice
        .get("/spaces/alice/demo/resolve/main/a%20b/c%25d.txt")
        .expect(200);
    assert_eq!(file.text(), "odd");
    alice
        .get(&format!("/api/spaces/alice/demo/revision/{head}"))
        .expect(200);
}

#[test]
fn unknown_routes_are_json_404s() {
    let server = Server::start();
    let answer = server.anonymous().get("/api/never").expect(404);
    assert!(answer.json()["error"].is_string());
    let wrong_method = server
        .admin()
        .send(crate::support::Request::new("PATCH", "/api/whoami-v2"));
    assert_eq!(wrong_method.status, 405, "{wrong_method:?}");
}

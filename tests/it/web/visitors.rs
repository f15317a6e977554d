//! What strangers see of a Space: what runs, where it is, and what it may ask them for.

use crate::support::{Op, Server, card, static_site};
use serde_json::json;

#[test]
fn a_version_that_does_not_build_hides_nothing_from_visitors() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish("demo", &static_site("one"));
    space.commit(&[Op::file("README.md", "---\nsdk: quantum\n---\n")]);
    space.wait_for("CONFIG_ERROR");
    assert_eq!(space.visit("/").expect(200).text(), "one");
    let stranger = server.anonymous();
    let page = stranger.get("/spaces/alice/demo").expect(200).text();
    assert!(page.contains("<iframe id=\"app\""), "{page}");
    assert!(
        !page.contains("quantum") && !page.contains("card error"),
        "{page}"
    );
    let stage = stranger.get("/spaces/alice/demo/stage").expect(200).json();
    assert_eq!(stage["shows"], true);
    assert_eq!(stage["short"], "running");
}

#[test]
fn an_old_name_leads_to_the_new_one() {
    let mut server = Server::start();
    {
        let alice = server.user("alice");
        let space = alice.publish("old", &static_site("one"));
        let to = json!({"fromRepo": "alice/old", "toRepo": "alice/new.one", "type": "space"});
        alice.post("/api/repos/move", &to).expect(200);
        leads(&server, &space.host());
    }
    server.stop();
    server.launch();
    let host = format!("alice-old.localhost:{}", server.address.port());
    leads(&server, &host);
}

fn leads(server: &Server, old: &str) {
    let stranger = server.anonymous();
    let to = |target: &str| {
        let answer = stranger.get(target).expect(307);
        answer.header("location").unwrap().to_owned()
    };
    assert_eq!(
        to("/spaces/alice/old/files?x=/y"),
        "/spaces/alice/new.one/files?x=/y"
    );
    assert_eq!(to("/spaces/alice/old"), "/spaces/alice/new.one");
    assert_eq!(to("/run/alice/old/a/b?c=d"), "/run/alice/new.one/a/b?c=d");
    let origin = stranger
        .send(crate::support::Request::get("/a/b?c=d").header("host", old))
        .expect(307);
    let port = server.address.port();
    assert_eq!(
        origin.header("location"),
        Some(&*format!("//alice-new-one.localhost:{port}/a/b?c=d"))
    );
    stranger.get("/spaces/alice/older").expect(404);
    stranger.get("/run/alice/older/").expect(404);
}

#[test]
fn a_private_space_is_not_found_by_its_old_name() {
    let server = Server::start();
    let alice = server.user("alice");
    alice
        .create_with("old", json!({"visibility": "private"}))
        .expect(200);
    let to = json!({"fromRepo": "alice/old", "toRepo": "alice/new", "type": "space"});
    alice.post("/api/repos/move", &to).expect(200);
    let stranger = server.anonymous();
    stranger.get("/spaces/alice/old").expect(404);
    stranger.get("/run/alice/old/").expect(404);
    let host = format!("alice-old.localhost:{}", server.address.port());
    stranger
        .send(crate::support::Request::get("/").header("host", host))
        .expect(404);
}

#[test]
fn what_never_ran_is_not_shown_to_strangers() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.create("only-created");
    let broken = alice.create("never-built");
    broken.commit(&[card("sdk: static")]);
    broken.wait_for("NO_APP_FILE");
    alice.publish("runs", &static_site("one"));
    for page in ["/", "/spaces/alice"] {
        let text = server.anonymous().get(page).expect(200).text();
        assert!(text.contains("alice/runs"), "{page}: {text}");
        for hidden in ["only-created", "never-built"] {
            assert!(!text.contains(hidden), "{page}: {hidden}");
        }
    }
}

#[test]
fn a_stopped_space_says_one_thing() {
    let server = Server::start();
    let space = server.user("alice").publish("demo", &static_site("one"));
    let admin = server.admin();
    admin
        .post(
            "/api/admin/spaces/alice/demo/disable",
            &json!({"reason": "noise"}),
        )
        .expect(200);
    space.wait_for("PAUSED");
    let page = server
        .anonymous()
        .get("/spaces/alice/demo")
        .expect(200)
        .text();
    assert!(page.contains("An operator of this server has stopped this Space."));
    assert!(!page.contains("paused"), "{page}");
}

#[test]
fn devices_are_for_the_demo_in_the_frame_alone() {
    let server = Server::start();
    let space = server.user("alice").publish("demo", &static_site("one"));
    let port = server.address.port();
    let get = |target: &str| {
        crate::support::Request::get(target)
            .header("host", format!("localhost:{port}"))
            .send(server.address)
            .expect(200)
    };
    let page = get("/spaces/alice/demo");
    let origin = format!("http://{}", space.host());
    let policy = page.header("permissions-policy").unwrap();
    for device in [
        "microphone",
        "camera",
        "display-capture",
        "midi",
        "clipboard-read",
        "geolocation",
    ] {
        assert!(
            policy.contains(&format!("{device}=(self \"{origin}\")")),
            "{policy}"
        );
        // Twice: in the frame of the page, and in what is to be pasted elsewhere.
        assert_eq!(page.text().matches(&format!("{device};")).count(), 2);
    }
    let other = get("/spaces/alice/demo/files");
    assert!(
        other
            .header("permissions-policy")
            .unwrap()
            .contains("camera=()")
    );
}

#[test]
fn the_end_of_its_log_is_shown_to_writers_of_one_that_failed_alone() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let broken = alice.create("broken");
    broken.commit(&[card("sdk: wasi"), Op::file("app.wasm", "no wasm")]);
    broken.wait_for("BUILD_ERROR");
    let look = |token: &str, target: &str| {
        let form = crate::support::Request::post("/login")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token={token}"));
        let signed_in = form.send(server.address);
        let cookie = signed_in.header("set-cookie").unwrap_or_default();
        let cookie = cookie.split(';').next().unwrap_or_default();
        let request = crate::support::Request::get(target).header("cookie", cookie);
        request.send(server.address).expect(200)
    };
    let (page, stage) = ("/spaces/alice/broken", "/spaces/alice/broken/stage");
    let hers = look(&alice.token, page).text();
    assert!(hers.contains("sdk: wasi, app_file: app.wasm"), "{hers}");
    let lines = look(&alice.token, stage).json()["lines"].clone();
    let count = lines.as_array().map_or(0, Vec::len);
    assert!((1..=15).contains(&count), "{lines}");
    for other in [bob.token.as_str(), ""] {
        let theirs = look(other, page).text();
        assert!(!theirs.contains("class=\"log-line\""), "{theirs}");
        assert_eq!(look(other, stage).json()["lines"], json!([]));
    }
}

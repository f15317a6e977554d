//! Whose a Space is and what it is called, by forms: renamed, moved, published into an organisation.

use serde_json::json;

use super::session::Session;
use crate::support::{Answer, Hub, Request, Server, Space, static_site};

/// An organisation with these members beside Alice, its admin.
fn lab(server: &Server, alice: &Hub<'_>, members: &[(&str, &str)]) {
    let lab = json!({"name": "Lab", "admin": "alice"});
    let admin = server.admin();
    admin.post("/api/admin/organizations", &lab).expect(201);
    for (name, role) in members {
        let member = Request::new("PUT", format!("/api/organizations/Lab/members/{name}"));
        alice
            .send(member.json(&json!({ "role": role })))
            .expect(200);
    }
}

/// A form of `/new` with one file.
fn publish(session: &Session<'_>, owner: &str, name: &str) -> Answer {
    let mut body = String::new();
    let fields = [
        ("form", session.carried.as_str()),
        ("owner", owner),
        ("name", name),
        ("how", "files"),
        ("sdk", "static"),
    ];
    for (name, value) in fields {
        body +=
            &format!("--cut\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    let file = "name=\"files\"; filename=\"index.html\"\r\n\r\n<p>ours</p>";
    body += &format!("--cut\r\ncontent-disposition: form-data; {file}\r\n--cut--\r\n");
    let request = session.post("/new");
    let request = request.header("content-type", "multipart/form-data; boundary=cut");
    request.body(body).send(session.server.address)
}

#[test]
fn a_space_is_renamed_and_moved_into_an_organisation() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    lab(&server, &alice, &[("bob", "contributor")]);
    let old = bob.publish("old", &static_site("one"));
    alice
        .create_with("secret", json!({"visibility": "private"}))
        .expect(200);
    bob.create("taken");
    let session = Session::of(&server, &bob.token);
    let rename = |at: &str, owner: &str, name: &str| {
        let output = [("do", "rename"), ("owner", owner), ("name", name)];
        session.send(&format!("/spaces/{at}/settings"), &output)
    };
    for (owner, name, why) in [
        ("bob", "taken", "Another Space"),
        ("bob", "old", "already has that name"),
        ("bob", "no/slash", "not a valid name"),
        ("bob", "", "not a valid name"),
        ("alice", "mine", "may not create"),
        ("alice", "secret", "may not create"),
        ("nobody", "x", "may not create"),
    ] {
        let refused = rename("bob/old", owner, name);
        assert_eq!(refused.status, 400, "{owner}/{name}: {refused:?}");
        let text = refused.text();
        assert!(text.contains(why), "{owner}/{name}: {text}");
    }
    let done = rename("bob/old", "bob", "new").expect(303);
    let to = "/spaces/bob/new/settings?done=name#name";
    assert_eq!(done.header("location"), Some(to));
    let led = server.anonymous().get("/spaces/bob/old/files").expect(307);
    assert_eq!(led.header("location"), Some("/spaces/bob/new/files"));
    let led = old.visit("/").expect(307);
    let host = bob.space("new").host();
    assert_eq!(led.header("location"), Some(&*format!("//{host}/")));

    // Whoever brings a Space along may go on changing it there.
    let done = rename("bob/new", "lab", "Shared").expect(303);
    let to = "/spaces/Lab/Shared/settings?done=name#name";
    assert_eq!(done.header("location"), Some(to));
    session.look("/spaces/Lab/Shared/settings").expect(200);
    rename("Lab/Shared", "Lab", "shared").expect(303);
    let quota = |hub: &Hub<'_>, target: &str| {
        let quota = hub.get(target).expect(200).json();
        quota["quotas"]["spaces"]["used"].clone()
    };
    assert_eq!(quota(&bob, "/api/quota"), 1);
    let other = Session::of(&server, &server.user("eve").token);
    let output = [("do", "rename"), ("owner", "eve"), ("name", "stolen")];
    let refused = other.send("/spaces/Lab/shared/settings", &output);
    assert_eq!(refused.status, 403);
}

#[test]
fn a_space_is_published_into_an_organisation() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let eve = server.user("eve");
    lab(&server, &alice, &[("bob", "contributor"), ("eve", "read")]);
    let session = Session::of(&server, &bob.token);
    let page = session.look("/new?owner=lab").expect(200).text();
    assert!(page.contains("<option value=\"Lab\" selected>"), "{page}");
    let done = publish(&session, "Lab", "ours").expect(303);
    let to = "/spaces/Lab/ours/logs?which=build";
    assert_eq!(done.header("location"), Some(to));
    let ours = Space {
        hub: bob.clone(),
        id: "Lab/ours".to_owned(),
    };
    ours.wait_for("RUNNING");
    assert_eq!(ours.visit("/").text(), "<p>ours</p>");
    // It is on the organisation's account, and its maker may change it.
    let quota = bob.get("/api/quota").expect(200).json();
    assert_eq!(quota["quotas"]["spaces"]["used"], 0);
    session.look("/spaces/Lab/ours/settings").expect(200);

    // Readers are not offered it, and are refused.
    let reader = Session::of(&server, &eve.token);
    let page = reader.look("/new").expect(200).text();
    assert!(!page.contains("Lab"), "{page}");
    for owner in ["Lab", "alice", "nobody", "../x"] {
        let refused = publish(&reader, owner, "theirs");
        assert_eq!(refused.status, 400, "{owner}: {refused:?}");
        assert!(refused.text().contains("may not create"), "{refused:?}");
    }
    let again = publish(&session, "Lab", "ours");
    assert!(again.text().contains("Lab/ours already"), "{again:?}");
}

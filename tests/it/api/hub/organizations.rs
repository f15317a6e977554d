//! Organisations and their members.

use crate::support::{Hub, Request, Server, static_site};
use serde_json::json;

fn set(hub: &Hub<'_>, user: &str, role: &str) -> u16 {
    let target = format!("/api/organizations/lab/members/{user}");
    hub.send(Request::new("PUT", target).json(&json!({"role": role})))
        .status
}

#[test]
fn members_work_together() {
    let server = Server::start();
    let (alice, bob, eve) = (server.user("alice"), server.user("bob"), server.user("eve"));
    let lab = json!({"name": "lab", "admin": "alice"});
    assert_eq!(alice.post("/api/admin/organizations", &lab).status, 403);
    server
        .admin()
        .post("/api/admin/organizations", &lab)
        .expect(201);
    assert_eq!(set(&bob, "bob", "admin"), 403);
    assert_eq!(set(&alice, "bob", "write"), 200);
    let output = server.python(&alice.token).run(
        r#"
        api.create_repo("lab/demo", repo_type="space", space_sdk="static", private=True)
        say({"orgs": [o["name"] for o in api.whoami()["orgs"]],
             "members": [m.username for m in api.list_organization_members("lab")]})
        "#,
    );
    assert_eq!(
        output,
        json!({"orgs": ["lab"], "members": ["alice", "bob"]})
    );
    let bobs = server.python(&bob.token).run(
        r#"
        api.upload_file(path_or_fileobj=b"---\nsdk: static\n---\n", path_in_repo="README.md", repo_id="lab/demo", repo_type="space")
        api.upload_file(path_or_fileobj=b"ours", path_in_repo="index.html", repo_id="lab/demo", repo_type="space")
        api.create_repo("lab/rows", repo_type="dataset")
        say({"stage": api.wait_for_space("lab/demo", timeout=60).stage, "listed": [s.id for s in api.list_spaces(author="lab")]})
        "#,
    );
    assert_eq!(bobs, json!({"stage": "RUNNING", "listed": ["lab/demo"]}));
    let space = bob.view(&crate::support::Space {
        hub: bob.clone(),
        id: "lab/demo".into(),
    });
    let visit = space
        .request("GET", "/")
        .bearer(&bob.token)
        .send(server.address);
    assert_eq!(visit.expect(200).text(), "ours");
    // A stranger sees nothing of it.
    assert_eq!(eve.get("/api/spaces/lab/demo").status, 404);
    let refused = eve.post(
        "/api/repos/create",
        &json!({"name": "x", "organization": "lab", "type": "model"}),
    );
    assert_eq!(refused.status, 403, "{refused:?}");
    // Whoever only reads changes nothing, and whoever leaves sees nothing any more.
    assert_eq!(set(&alice, "bob", "read"), 200);
    bob.get("/api/spaces/lab/demo").expect(200);
    let refused = space.try_commit(None, &static_site("mine"));
    assert_eq!(refused.status, 403, "{refused:?}");
    let gone = Request::new("DELETE", "/api/organizations/lab/members/bob");
    alice.send(gone).expect(200);
    assert_eq!(bob.get("/api/spaces/lab/demo").status, 404);
    assert_eq!(set(&alice, "alice", "read"), 409);
    assert_eq!(set(&alice, "nobody", "read"), 404);
}

#[test]
fn contributors_change_what_they_have_made() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let lab = json!({"name": "lab", "admin": "alice"});
    server
        .admin()
        .post("/api/admin/organizations", &lab)
        .expect(201);
    set(&alice, "bob", "contributor");
    for (hub, name) in [(&alice, "alices"), (&bob, "bobs")] {
        let body = json!({"name": name, "organization": "lab", "type": "model"});
        hub.post("/api/repos/create", &body).expect(200);
    }
    let branch = |name: &str| {
        bob.post(
            &format!("/api/models/lab/{name}/preupload/main"),
            &json!({"files": []}),
        )
        .status
    };
    assert_eq!((branch("bobs"), branch("alices")), (200, 403));
}

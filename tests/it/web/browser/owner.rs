//! The page of whoever owns Spaces.

use serde_json::json;

use super::{page, sign_in};
use crate::support::browser::Browser;
use crate::support::{Request, Server, static_site};

#[test]
fn an_organisation_shows_its_members_and_what_each_may_see() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let lab = json!({"name": "lab", "admin": "alice"});
    let admin = server.admin();
    admin.post("/api/admin/organizations", &lab).expect(201);
    let member = Request::new("PUT", "/api/organizations/lab/members/bob");
    alice
        .send(member.json(&json!({"role": "read"})))
        .expect(200);
    for (name, visibility) in [("open", "public"), ("hidden", "private")] {
        let of_lab = json!({"organization": "lab", "visibility": visibility});
        alice.create_with(name, of_lab).expect(200);
    }
    alice.publish("own", &static_site("mine"));

    let visitor = Browser::open();
    visitor.visit(&page(&server, "/spaces/alice/own"));
    visitor.click(".who .facts a");
    visitor.shows("h1", "alice");
    visitor.find(".houses a[href='/spaces/alice/own']");
    visitor.click(".ties a");
    visitor.shows("h1", "lab");
    visitor.shows(".ties", "bob read");
    visitor.find(".houses a[href='/spaces/lab/open']");
    let text = visitor.run("return document.body.innerText");
    assert!(!text.as_str().unwrap().contains("hidden"), "{text}");

    let reader = Browser::open();
    sign_in(&reader, &bob);
    reader.visit(&page(&server, "/settings"));
    reader.click(".ties a");
    reader.find(".houses a[href='/spaces/lab/hidden']");
    reader.shows(".houses", "private");

    let anybody = server.anonymous();
    anybody.get("/spaces/nobody").expect(404);
    anybody.get("/spaces/%3Cscript%3E").expect(404);
    anybody.get("/spaces/lab?after=x").expect(400);
    assert!(
        anybody
            .get("/spaces/LAB")
            .expect(200)
            .text()
            .contains("<h1>lab</h1>")
    );
}

//! The page of whoever owns Spaces.

use serde_json::json;

use super::{page, sign_in};
use crate::support::browser::Browser;
use crate::support::{Request, Server, Space, static_site};

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
    let open = Space {
        hub: alice.clone(),
        id: "lab/open".to_owned(),
    };
    open.commit(&static_site("ours"));
    open.wait_for("RUNNING");
    alice.publish("own", &static_site("mine"));

    let visitor = Browser::open();
    visitor.visit(&page(&server, "/spaces/alice/own"));
    visitor.click(".bar .facts a");
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

#[test]
fn an_organisation_is_made_on_the_console_and_its_admin_chooses_who_is_in_it() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let operator = Browser::open();
    sign_in(&operator, &server.admin());
    operator.visit(&page(&server, "/operator?tab=accounts"));
    operator.fill("#organization-name", "lab");
    operator.run("document.querySelector('[name=admin]').value = 'alice'");
    operator.click(".pair:has(#organization-name) button");
    operator.shows("#accounts", "Created the organisation lab.");
    operator.visit(&page(&server, "/operator?tab=audit"));
    operator.shows("#audit", "lab, an organisation of alice");

    let admin = Browser::open();
    sign_in(&admin, &alice);
    admin.visit(&page(&server, "/spaces/lab"));
    admin.fill("#member-name", "nobody-here");
    admin.click(".pair:has(#member-name) button");
    admin.shows("#members", "There is no account with that name");
    admin.run("document.getElementById('member-name').value = ''");
    admin.fill("#member-name", "bob");
    admin.click(".pair:has(#member-name) option:nth-child(3)");
    admin.click(".pair:has(#member-name) button");
    admin.shows("#members", "Done.");
    admin.shows("header .ties", "bob write");
    bob.create_with("shared", json!({"organization": "lab"}))
        .expect(200);

    admin.click("[aria-label='Remove bob']");
    admin.waits_for("!document.querySelector('header .ties').innerText.includes('bob')");
    admin.click("[aria-label='Remove alice']");
    admin.shows("#members", "at least one admin");

    // Whoever does not choose them sees who they are, and a form of theirs changes nothing.
    let other = Browser::open();
    sign_in(&other, &bob);
    other.visit(&page(&server, "/spaces/lab"));
    other.shows("header .ties", "alice admin");
    assert_eq!(
        other.run("return document.querySelector('#members')"),
        json!(null)
    );
    other.visit(&page(&server, "/settings"));
    other.run(
        "const form = document.querySelector('#tokens form.stack');
        form.action = '/spaces/lab';
        form.querySelector('[name=do]').value = 'member';
        form.querySelector('[name=name]').value = 'bob';
        const role = document.createElement('input');
        role.name = 'role'; role.value = 'admin'; form.append(role);
        form.submit()",
    );
    other.shows("main", "Only admins of lab");
}

//! Which host and path lead where.

use crate::support::{Op, Request, Server, card, static_site};

#[test]
fn a_space_has_an_origin_of_its_own() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish("Demo_1.x", &static_site("here"));
    let port = server.address.port();
    for host in [
        format!("alice-demo-1-x.localhost:{port}"),
        "alice-demo-1-x.localhost".into(),
        "ALICE-Demo-1-X.LocalHost".into(),
        "alice-demo-1-x.localhost.".into(),
    ] {
        let answer = Request::get("/")
            .header("host", &*host)
            .send(server.address);
        assert_eq!(answer.expect(200).text(), "here", "{host}");
    }
    // The hub is not at that origin.
    assert_eq!(space.visit("/api/whoami-v2").status, 404);
    assert_eq!(space.visit("/run/alice/Demo_1.x/").status, 404);
}

#[test]
fn an_unknown_address_is_a_404_of_ours() {
    let server = Server::start();
    for host in [
        "never-there.localhost",
        "a.b.c.localhost",
        "-.localhost",
        "..localhost",
        "%2e.localhost",
    ] {
        let answer = Request::get("/").header("host", host).send(server.address);
        assert!(matches!(answer.status, 400 | 404), "{host}: {answer:?}");
    }
    let path = server.anonymous().get("/run/never/there/");
    assert_eq!(path.status, 404, "{path:?}");
}

#[test]
fn the_path_form_strips_its_prefix_and_is_no_part_of_the_hub() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.publish(
        "demo",
        &[
            card("sdk: static"),
            Op::file("index.html", "root"),
            Op::file("sub/page.html", "page"),
        ],
    );
    let anonymous = server.anonymous();
    let root = anonymous.get("/run/alice/demo/").expect(200);
    assert_eq!(root.text(), "root");
    assert_eq!(
        anonymous
            .get("/run/alice/demo/sub/page.html")
            .expect(200)
            .text(),
        "page"
    );
    for target in ["/run/alice/demo/", "/run/alice/demo/sub/page.html"] {
        let answer = anonymous.get(target);
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(
            policy.contains("sandbox") && !policy.contains("allow-same-origin"),
            "{policy}"
        );
    }
    let slash = anonymous.get("/run/alice/demo");
    assert!((301..=308).contains(&slash.status), "{slash:?}");
    assert!(
        slash
            .header("location")
            .unwrap()
            .ends_with("/run/alice/demo/"),
        "{slash:?}"
    );
}

#[test]
fn a_guest_in_the_path_form_sees_its_own_paths_and_keeps_the_policy() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("echo");
    // A command that answers with the paths it was given, and a policy of its own wishes.
    space.commit(&crate::support::guests::wasi("command", ""));
    space.wait_for("RUNNING");
    let answer = server
        .anonymous()
        .get("/run/alice/echo/env?a=b%20c")
        .expect(200);
    let text = answer.text();
    assert!(text.contains("PATH_INFO=/env\n"), "{text}");
    assert!(text.contains("QUERY_STRING=a=b%20c\n"), "{text}");
    assert!(
        answer
            .header("content-security-policy")
            .unwrap()
            .contains("sandbox")
    );
}

#[test]
fn a_redirect_in_the_path_form_stays_below_it() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("away");
    space.commit(&crate::support::guests::wasi("command", ""));
    space.wait_for("RUNNING");
    let below = server
        .anonymous()
        .get("/run/alice/away/location")
        .expect(302);
    assert_eq!(below.header("location"), Some("/run/alice/away/elsewhere"));
    let own = space.visit("/location").expect(302);
    assert_eq!(own.header("location"), Some("/elsewhere"));
}

#[test]
fn a_guest_cannot_lift_the_policy_of_the_path_form() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("bold");
    let head = "Content-Type: text/html\\0aContent-Security-Policy: default-src *\\0a\
                Content-Security-Policy-Report-Only: x\\0aSet-Cookie: a=b; Domain=localhost; Path=/\\0a\
                Service-Worker-Allowed: /\\0a\\0ahi";
    let length = "Content-Type: text/html\nContent-Security-Policy: default-src *\n\
                  Content-Security-Policy-Report-Only: x\nSet-Cookie: a=b; Domain=localhost; Path=/\n\
                  Service-Worker-Allowed: /\n\nhi"
        .len();
    let module =
        crate::support::guests::command(head, &format!("(call $say (i32.const {length}))"));
    space.commit(&crate::support::guests::wasm(module, ""));
    space.wait_for("RUNNING");
    let path = server.anonymous().get("/run/alice/bold/").expect(200);
    let policies: Vec<_> = path
        .headers
        .iter()
        .filter(|(name, _)| name == "content-security-policy")
        .collect();
    assert!(
        policies
            .iter()
            .any(|(_, policy)| policy.contains("sandbox")),
        "{path:?}"
    );
    assert!(
        policies
            .iter()
            .all(|(_, policy)| !policy.contains("allow-same-origin")),
        "{path:?}"
    );
    // A cookie for the whole domain would reach the hub and every other Space.
    let own = space.visit("/").expect(200);
    for answer in [path, own] {
        let cookie = answer
            .header("set-cookie")
            .unwrap_or_default()
            .to_lowercase();
        assert!(!cookie.contains("domain"), "{answer:?}");
    }
}

#[test]
fn two_hosts_in_one_request_are_refused() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish("demo", &static_site("here"));
    let request = space.request("GET", "/").header("host", "localhost");
    assert_eq!(space.send(&request).status, 400);
}

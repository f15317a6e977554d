//! What anybody may begin without an account, again and again.

use crate::support::{Request, Server, static_site};

#[test]
fn sign_ins_that_wait_are_kept_and_further_ones_wait_their_turn() {
    let server = Server::start();
    let begin = || {
        Request::post("/oauth/device")
            .header("content-type", "application/x-www-form-urlencoded")
            .body("client_id=x")
            .send(server.address)
    };
    let first = begin().expect(200).json();
    let refused = (0..60).map(|_| begin()).find(|answer| answer.status != 200);
    let refused = refused
        .expect("one address may not begin sixty")
        .expect(429);
    assert!(refused.header("retry-after").is_some());
    assert!(refused.text().contains("from your address"), "{refused:?}");
    let code = first["device_code"].as_str().unwrap();
    let asked = Request::post("/oauth/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!(
            "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code={code}"
        ))
        .send(server.address);
    assert!(asked.text().contains("authorization_pending"), "{asked:?}");
}

#[test]
fn an_address_reports_so_often_and_no_more() {
    let server = Server::start();
    let alice = server.user("alice");
    for name in ["one", "two"] {
        alice.create(name).commit(&static_site(name));
    }
    let report = |name: &str| {
        Request::post(format!("/spaces/alice/{name}/report"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("reason=something+is+wrong")
            .send(server.address)
            .status
    };
    assert!((0..20).all(|_| report("one") == 200));
    assert_eq!((report("one"), report("two")), (429, 429));
}

//! `HEAD`.

use crate::support::{Server, static_site};

#[test]
fn it_has_the_headers_and_no_body() {
    let server = Server::start();
    let alice = server.user("alice");
    let site = alice.publish("site", &static_site("twelve bytes"));
    let head = site.send(&site.request("HEAD", "/")).expect(200);
    assert_eq!(head.header("content-length"), Some("12"));
    assert!(head.body.is_empty());
    let guest = alice.publish_hostile("");
    let head = guest.send(&guest.request("HEAD", "/echo")).expect(200);
    assert!(head.body.is_empty());
    let missing = guest.send(&guest.request("HEAD", "/never")).expect(404);
    assert!(missing.body.is_empty());
}

//! `hf auth`.

use crate::support::Server;

#[test]
fn whoami_names_the_account() {
    let server = Server::start();
    let alice = server.user("alice");
    let said = server.hf(&alice.token).json(&["auth", "whoami"]);
    assert_eq!(said["user"], "alice");
    assert_eq!(said["endpoint"], server.url());
}

#[test]
fn login_keeps_a_good_token_and_refuses_a_bad_one() {
    let server = Server::start();
    let alice = server.user("alice");
    let hf = server.hf("");
    let refused = hf
        .run(&["auth", "login", "--token", "gls_nonsense"])
        .failure();
    assert!(refused.to_lowercase().contains("invalid"), "{refused}");
    hf.run(&["auth", "login", "--token", &alice.token])
        .success();
    assert_eq!(hf.json(&["auth", "whoami"])["user"], "alice");
}

#[test]
fn nobody_is_told_to_log_in() {
    let server = Server::start();
    let said = server.hf("").run(&["auth", "whoami"]).failure();
    assert!(said.to_lowercase().contains("log"), "{said}");
}

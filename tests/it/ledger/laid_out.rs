//! What a build lays out counts as what it becomes, not as what it was in its repository.

use std::time::Duration;

use serde_json::json;

use crate::support::{Git, Op, Request, Server, eventually};

const MIB: usize = 1 << 20;
/// Files of zeros, and their bytes.
const FILES: usize = 20;
const BYTES: usize = 3 * MIB;

#[test]
fn a_push_of_zeros_is_not_laid_out_beyond_the_quota() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish("zeros", &[Op::file("index.html", "<p>one")]);
    let quota = Request::new("PUT", "/api/admin/quotas/alice").json(&json!({"disk": 24 * MIB}));
    server.admin().send(quota).expect(200);
    let used = || {
        let quota = alice.get("/api/quota").expect(200).json();
        quota["quotas"]["disk"]["used"].as_u64().unwrap()
    };

    let address = Git::address(&server, "alice", &alice.token, "spaces/alice/zeros");
    let git = Git::clone(&server, &address, "work");
    let zeros = vec![0; BYTES];
    for file in 0..FILES {
        git.commit(&[(&format!("{file}.bin"), &zeros)]);
    }
    // All of them are one object, which is next to nothing.
    git.run(&["push", "-q", &address, "main"]).success();
    space.wait_for("BUILD_ERROR");
    let message = space.error_message();
    assert!(
        message.contains("there is no disk space for the result of the build"),
        "{message}"
    );
    assert!(message.contains("left, and this needs 614"), "{message}");
    assert!(used() < MIB as u64, "{}", used());

    // Its author has a way on, and what could not be reserved is nobody's.
    git.run(&["rm", "-q", "*.bin"]).success();
    git.commit(&[("1.bin", &zeros)]);
    git.run(&["push", "-q", &address, "main"]).success();
    space.wait_for("RUNNING");
    // Once it was measured, it counts once.
    eventually(Duration::from_secs(10), "what was laid out counts", || {
        (BYTES as u64..(BYTES + MIB) as u64)
            .contains(&used())
            .then_some(())
    });
}

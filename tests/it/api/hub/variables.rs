//! `add_space_variable`, `delete_space_variable`, `get_space_variables`.

use crate::support::{Server, eventually};
use serde_json::json;
use std::time::Duration;

#[test]
fn variables_are_read_back_and_reach_the_guest() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let output = server.python(&alice.token).run(
        r#"
        api.add_space_variable("alice/hostile", "MODE", "slow")
        api.add_space_variable("alice/hostile", "COLOUR", "blue", description="of the sky")
        written = api.add_space_variable("alice/hostile", "MODE", "fast")
        left = api.delete_space_variable("alice/hostile", "COLOUR")
        plain = lambda found: {k: [v.value, v.description] for k, v in found.items()}
        say({"written": plain(written), "left": plain(left), "read": plain(api.get_space_variables("alice/hostile"))})
        "#,
    );
    assert_eq!(
        output,
        json!({"written": {"MODE": ["fast", null], "COLOUR": ["blue", "of the sky"]},
               "left": {"MODE": ["fast", null]}, "read": {"MODE": ["fast", null]}})
    );
    eventually(
        Duration::from_secs(20),
        "the restarted guest has it",
        || {
            space
                .visit("/env")
                .text()
                .contains("MODE=fast")
                .then_some(())
        },
    );
}

#[test]
fn the_guest_knows_where_it_lives_and_nothing_of_the_host() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let environment = space.visit("/env").expect(200).text();
    for line in [
        "SPACE_ID=alice/hostile",
        "SPACE_AUTHOR_NAME=alice",
        "SPACE_REPO_NAME=hostile",
    ] {
        assert!(environment.contains(line), "{line} in {environment}");
    }
    for word in [
        "PATH=",
        "HOME=",
        "GLASSHOUSE_",
        "HF_TOKEN",
        &server.admin_token(),
    ] {
        assert!(!environment.contains(word), "{word} in {environment}");
    }
}

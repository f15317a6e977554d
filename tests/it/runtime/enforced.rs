//! Every limit is said to be applied, or said not to be.

use crate::support::Server;

#[test]
fn a_running_guest_names_its_limits() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let runtime = space.runtime();
    let limits = runtime["limits"]
        .as_array()
        .unwrap_or_else(|| panic!("{runtime:#}"));
    let find = |name: &str| {
        let found = limits.iter().find(|limit| limit["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {runtime:#}"))
    };
    for name in ["cpu", "memory"] {
        assert_eq!(find(name)["state"], "enforced", "{runtime:#}");
    }
    assert!(
        find("cpu")["value"].as_str().unwrap().contains('1'),
        "{runtime:#}"
    );
    assert!(
        find("memory")["value"]
            .as_str()
            .unwrap()
            .contains("2147483648"),
        "{runtime:#}"
    );
}

//! What guests print.

use crate::support::Server;

#[test]
fn a_guest_that_prints_without_end_fills_nothing() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    space.visit("/print-forever").expect(504);
    let log = space.log("run");
    let text = log.join("\n");
    assert!(text.contains("line 1\n"), "the first lines are there");
    assert!(log.len() < 3000, "{} lines", log.len());
    assert!(
        log.iter().any(|line| line.contains("left out")
            || line.contains("more lines")
            || line.contains("dropped")),
        "it says that lines are missing: {:?}",
        log.last()
    );
    let size: u64 =
        folder_size(&server.data().join("logs")) + folder_size(&server.data().join("journal"));
    assert!(size < 3 << 20, "{size} bytes on disk");
}

#[test]
fn lines_are_kept_over_a_restart_of_the_server() {
    let mut server = Server::start();
    let alice = server.user("alice");
    let (id, token) = {
        let space = alice.publish_hostile("");
        space.visit("/print?n=3").expect(200);
        assert!(space.log("run").iter().any(|line| line.contains("line 3")));
        (space.id.clone(), alice.token.clone())
    };
    std::thread::sleep(std::time::Duration::from_millis(500));
    server.kill();
    server.launch();
    let alice = crate::support::Hub::new(&server, "alice", &token);
    let space = alice.space(id.split('/').nth(1).unwrap());
    assert!(space.log("run").iter().any(|line| line.contains("line 3")));
}

fn folder_size(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                folder_size(&path)
            } else {
                entry.metadata().map_or(0, |data| data.len())
            }
        })
        .sum()
}

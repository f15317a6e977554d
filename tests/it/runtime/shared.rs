//! Spaces that run the same artifact share one mapping of it.

use std::fs;
use std::time::Duration;

use crate::support::guests::wasi;
use crate::support::{Server, eventually};

#[test]
fn one_artifact_is_mapped_once_for_all_its_spaces() {
    let server = Server::start();
    let alice = server.user("alice");
    let spaces: Vec<_> = (0..6)
        .map(|number| alice.publish(&format!("s{number}"), &wasi("hostile", "")))
        .collect();
    let mapped = || descriptors(server.process(), ".cwasm");
    let mut seen = 0;
    eventually(Duration::from_secs(30), "all are in memory at once", || {
        for space in &spaces {
            space.visit("/").expect(200);
        }
        seen = mapped();
        (seen > 0).then_some(())
    });
    assert_eq!(seen, 1);
}

/// Open files of a process whose name ends so.
fn descriptors(process: u32, ending: &str) -> usize {
    let open = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let names = open.filter_map(|file| fs::read_link(file.unwrap().path()).ok());
    names
        .filter(|name| {
            name.to_string_lossy()
                .trim_end_matches(" (deleted)")
                .ends_with(ending)
        })
        .count()
}

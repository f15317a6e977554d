//! What a build hides from the engine's own count counts all the same: files deeper than paths go, and files without a name.

use crate::support::DockerServer;
use crate::support::docker::{PYTHON_IMAGE, dockerfile};
use std::time::{Duration, Instant};

/// Writes 300 MB and waits much longer than it takes to find them.
const FILL: &str = "[f.write(bytes(1 << 20)) for _ in range(300)]; f.flush(); time.sleep(200)";

#[test]
fn a_build_that_hides_what_it_writes_is_stopped_at_its_limit() {
    // The image that it is built on has about half of it.
    let server = DockerServer::with(&[("BUILD__IMAGE_BYTES", "400 MiB")]);
    let alice = server.user("alice");
    for (name, hides) in [
        (
            "deep",
            "[(os.mkdir('d'), os.chdir('d')) for _ in range(3000)]; f = open('f', 'wb')",
        ),
        ("nameless", "f = open('f', 'wb'); os.remove('f')"),
    ] {
        let text =
            format!("FROM {PYTHON_IMAGE}\nRUN python3 -c \"import os, time; {hides}; {FILL}\"");
        let begun = Instant::now();
        let message = alice
            .create(name)
            .fails(&dockerfile(&text, ""), "BUILD_ERROR");
        assert!(message.contains("400 MiB"), "{name}: {message}");
        assert!(begun.elapsed() < Duration::from_secs(120), "{name}");
    }
}

//! Cards as they come from the Hub, on Spaces in containers.

use crate::support::DockerServer;
use crate::support::docker::app;

#[test]
fn a_card_with_what_is_left_over_and_too_much_still_runs() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let fields = "app_file: app.py\nstartup_duration_timeout: 3h\napp_port: 7860.0\ncustom_headers:\n  cross-origin-opener-policy: same-origin";
    let space = alice.publish_container("moved", &app("it runs", fields));
    let page = space.visit("/").expect(200);
    assert_eq!(page.text(), "it runs");
    assert_eq!(
        page.header("cross-origin-opener-policy"),
        Some("same-origin")
    );
    let log = space.log("build").join("\n");
    for note in [
        "Note: README.md:4: `app_file: app.py` has no effect with `sdk: docker`",
        "Note: README.md:5: `startup_duration_timeout` is cut to 30m",
    ] {
        assert!(log.contains(note), "{note}\n{log}");
    }
    assert!(!log.contains("app_port"), "{log}");
}

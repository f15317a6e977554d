//! Cards as they come from the Hub, on Spaces in containers.

use crate::support::DockerServer;
use crate::support::docker::app;

#[test]
fn a_card_with_what_is_left_over_and_too_much_still_runs() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let fields = "app_file: app.py\nstartup_duration_timeout: 3h\napp_port: 7860.0\ncustom_headers:\n  cross-origin-opener-policy: same-origin";
    let space = alice.publish_container("moved", &app("it runs", fields));
    assert_eq!(space.visit("/").expect(200).text(), "it runs");
    let log = space.log("build").join("\n");
    for note in [
        "Note: README.md:4: `app_file: app.py` has no effect with `sdk: docker`",
        "Note: README.md:5: `startup_duration_timeout` is cut to 30m",
        "Note: README.md:7: `custom_headers` is only for `sdk: static`",
    ] {
        assert!(log.contains(note), "{note}\n{log}");
    }
    assert!(!log.contains("app_port"), "{log}");
}

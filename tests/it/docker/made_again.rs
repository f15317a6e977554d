//! Going back to a version whose image is still there builds nothing.

use std::time::{Duration, Instant};

use crate::support::docker::app;
use crate::support::{DockerServer, Op, eventually};
use serde_json::json;

#[test]
fn an_image_of_the_same_files_is_used_again() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.publish_container("demo", &app("first", ""));
    // Once the one before it has ended.
    let image = || {
        eventually(Duration::from_secs(60), "there is one container", || {
            let containers = server.containers(&space);
            (containers.len() == 1).then(|| containers[0]["Image"].clone())
        })
    };
    let image_of_first = image();
    let settled = |files: &[Op]| {
        space.commit(files);
        assert_eq!(space.settles(), "RUNNING");
    };
    settled(&app("second", ""));
    assert_eq!(space.visit("/").text(), "second");
    let image_of_second = image();
    assert_ne!(image_of_first, image_of_second);

    let begun = Instant::now();
    settled(&app("first", ""));
    assert_eq!(space.visit("/").text(), "first");
    let output = space.log("build").join("\n");
    assert!(output.contains("it is reused"), "{output}");
    assert!(!output.contains("Limits of this build"), "{output}");
    assert_eq!(image(), image_of_first);
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );

    // What a variable goes into is not the same; a Space without that argument takes no notice of it.
    let with_argument = |says: &str| {
        let mut files = app(says, "");
        for file in &mut files {
            if let Op::File(path, text) = file
                && path == "Dockerfile"
            {
                text.extend_from_slice(b"\nARG FLAVOUR=none\nENV FLAVOUR=$FLAVOUR\n");
            }
        }
        files
    };
    settled(&with_argument("third"));
    let without = image();
    space
        .post("/variables", &json!({"key": "FLAVOUR", "value": "mint"}))
        .expect(200);
    settled(&app("first", ""));
    assert_eq!(image(), image_of_first);
    settled(&with_argument("third"));
    assert_ne!(image(), without);
    // A build from scratch is one.
    space.post("/restart?factory=true", &json!({})).expect(200);
    assert_eq!(space.settles(), "RUNNING");
    let output = space.log("build").join("\n");
    assert!(output.contains("Limits of this build"), "{output}");
}

//! The engine opens files of the image that a build is at, and trusts what it finds: what the build's own commands left
//! there is looked at first.

use crate::support::docker::{PYTHON_IMAGE, dockerfile};
use crate::support::{DockerServer, Op, Space};
use std::time::{Duration, Instant};

/// Builds `text` on the image with Python, which fails.
#[track_caller]
fn message(space: &Space<'_>, text: &str) -> String {
    let mut files = dockerfile(&text.replace("BASE", PYTHON_IMAGE), "");
    files.push(Op::file("note.txt", "a note"));
    space.fails(&files, "BUILD_ERROR")
}

#[test]
fn pipes_and_large_files_of_a_build_are_never_opened() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    let stage = "FROM BASE AS s\nRUN mkdir -p /d && mkfifo /d/p.so && ln -s /d/p.so /l && ln -s /l /d/l.txt\n";
    for (text, line, output) in [
        // What it opens at each step.
        (
            "FROM BASE\nRUN rm /etc/passwd && mkfifo /etc/passwd\nENV A=b\nRUN true".to_owned(),
            4,
            "/etc/passwd",
        ),
        (
            "FROM BASE\nRUN head -c 2M /dev/zero >> /etc/group\nCOPY --chown=me note.txt /"
                .to_owned(),
            3,
            "/etc/group",
        ),
        // A container sees devices where its image has nothing.
        (
            "FROM BASE\nRUN ln -sf ../dev/ptmx /etc/group\nRUN true".to_owned(),
            3,
            "/etc/group",
        ),
        // Where the engine follows a link, the container comes by a device.
        (
            "FROM BASE AS s\nRUN mkdir /m && ln -s /etc/real /m/ptmx && cp /etc/passwd /etc/real && ln -sf /dev/ptmx /etc/passwd\n\
             FROM BASE\nCOPY --from=s /m /dev\nCOPY --from=s /etc /etc\nRUN true"
                .to_owned(),
            6,
            "/etc/passwd",
        ),
        // What it copies from another image; a volume hides nothing from it.
        (
            format!("{stage}VOLUME /d\nFROM BASE\nCOPY --from=s /d/p.so /q"),
            5,
            "/d/p.so",
        ),
        (
            format!("{stage}FROM BASE\nARG P=/l\nCOPY --from=s $P /q"),
            5,
            "/l",
        ),
        (
            format!("{stage}FROM BASE\nCOPY --from=s /d/*.so /q/"),
            4,
            "/d/p.so",
        ),
        (
            format!("{stage}FROM BASE\nCOPY --from=s /*/l*.txt /q/"),
            4,
            "/d/l.txt",
        ),
    ] {
        let began = Instant::now();
        let message = message(&space, &text);
        assert!(
            message.starts_with(&format!("Dockerfile:{line}: ")) && message.contains(output),
            "{text}\n{message}"
        );
        assert!(began.elapsed() < Duration::from_secs(60), "{text}");
    }
}

#[test]
fn a_build_in_pieces_is_cached_and_told_as_one() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let text = "FROM BASE AS s\nRUN mkdir -p /d/e && mkfifo /d/p && touch /d/e/a.txt\nFROM BASE\nARG WHO=nobody\n\
                ARG SEEN=\"$WHO $NONE\"\nCOPY --from=s /d /d\nCOPY --from=s /d/e/*.txt /\nCOPY note.txt /\n\
                RUN test -p /d/p && echo one=$WHO > /one\nARG WHO=me\nRUN echo \"$(cat /one /note.txt) two=$WHO seen=$SEEN\"\n\
                WORKDIR /d\n\nRUN pwd; exit 3";
    let (first, again) = (alice.create("app"), alice.create("again"));
    let cached = |space: &Space<'_>| {
        let message = message(space, text);
        assert!(message.starts_with("Dockerfile:14: "), "{message}");
        let log = space.log("build");
        let all = log.join("\n");
        assert!(all.contains("Step 13/13 (Dockerfile:14): RUN pwd"), "{all}");
        assert!(!all.contains("LABEL glasshouse"), "{all}");
        assert!(!all.contains("Successfully built"), "{all}");
        let is_cached = |line: &&String| line.contains("Using cache");
        (all, log.iter().filter(is_cached).count())
    };
    let (log, found) = cached(&first);
    assert_eq!(found, 0, "{log}");
    assert!(log.contains("two=me seen=nobody \n"), "{log}");
    assert!(log.contains("one=nobody\na note"), "{log}");
    assert!(log.contains("\n/d\n"), "{log}");
    // All but the images that it is built on and the step that fails.
    let (log, found) = cached(&again);
    assert_eq!(found, 10, "{log}");
}

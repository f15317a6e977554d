//! Dockerfiles as people write them, and as attackers do: what another's image holds and what the engine itself reaches is
//! no part of anybody's build, however it is asked for.

use crate::support::docker::{PYTHON_IMAGE, app, docker, dockerfile};
use crate::support::{DockerServer, Op, Space, card};
use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const SECRET: &str = "the-victims-own-words";

/// The Dockerfile fails as its author's fault, and nothing of the victim's has come into the log.
#[track_caller]
fn is_refused(space: &Space<'_>, text: &str) -> String {
    let mut files = dockerfile(text, "");
    files.push(Op::file(
        "bomb.tar.gz",
        [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3].as_slice(),
    ));
    let message = space.fails(&files, "BUILD_ERROR");
    let log = space.log("build").join("\n");
    assert!(!log.contains(SECRET), "{text}\n{log}");
    assert!(message.starts_with("Dockerfile:"), "{text}\n{message}");
    message
}

#[test]
fn no_image_of_another_is_read_and_the_engine_fetches_nothing() {
    let server = DockerServer::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let victim = bob.publish_container("private", &app(SECRET, ""));
    let id = server.container(&victim)["Image"]
        .as_str()
        .unwrap()
        .to_owned();
    let short = &id["sha256:".len()..][..12];
    // What the engine itself would fetch, it would fetch from here.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            counter.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0; 64]);
        }
    });
    let space = alice.create("thief");
    let base = PYTHON_IMAGE;
    let reads = "RUN cat /loot/app.py /app.py; exit 1";
    for text in [
        // What triggers do is not done.
        format!("FROM {base} AS a\nONBUILD COPY --from={id} /app.py /loot/\nFROM a\n{reads}"),
        format!("FROM {base} AS a\nonbuild\tCOPY --from={short} /app.py /loot/\nFROM a\n{reads}"),
        format!("FROM {base} AS a\nONBUILD ADD http://{address}/ /loot/app.py\nFROM a\n{reads}"),
        format!("FROM {base} AS a\nONBUILD ADD bomb.tar.gz /loot/\nFROM a\n{reads}"),
        // Quotes hold together what white space would part.
        format!("FROM {base}\nCOPY --chown=\"0:a b\" --from={id} /app.py /loot/\n{reads}"),
        format!("FROM {base}\nCOPY --chown='0 0' --from={short} /app.py /loot/\n{reads}"),
        format!("FROM {base}\nCOPY --chown=0\\ 0 --from={id} /app.py /loot/\n{reads}"),
        // Arguments that have no value where a quick reader sees one.
        format!("ARG A={base}\nARG A\nFROM ${{A:-{short}}}\n{reads}"),
        format!("ARG A={base} B=$A\nFROM ${{B:-{short}}}\n{reads}"),
        format!("ARG A=\"x B={base}\"\nFROM ${{B:-{short}}}\n{reads}"),
        format!("ARG A={base}\nARG A=$NONE\nFROM ${{A:-{short}}}\n{reads}"),
        format!("ARG A={base}\nARG A=\"\" C=$A\nFROM ${{C:-{id}}}\n{reads}"),
        // Whose an image is, its author does not say.
        format!("FROM {base}\nLABEL glasshouse.space-id=x\n{reads}"),
        // The engine's memory is everybody's.
        format!(
            "FROM {base}\nENV A=0123456789\n{}{reads}",
            "ENV A=$A$A$A$A\n".repeat(20)
        ),
    ] {
        is_refused(&space, &text);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[test]
fn an_image_of_the_operators_is_read_where_it_is_listed() {
    let name = format!("glasshouse-private-{}:1", std::process::id());
    docker(&["tag", PYTHON_IMAGE, &name]).unwrap();
    let text = format!("FROM {name}\nCMD [\"true\"]");
    let server = DockerServer::start();
    let alice = server.user("alice");
    let message = is_refused(&alice.create("app"), &text);
    assert!(
        message.contains(&name) && message.contains("operator"),
        "{message}"
    );
    let copied = format!("FROM {PYTHON_IMAGE}\nCOPY --from={name} /etc/passwd /x\n");
    is_refused(&alice.create("copies"), &copied);
    drop(server);

    let listed = format!(
        "[\"glasshouse-test-*\", \"{}:*\"]",
        name.split(':').next().unwrap()
    );
    let server = DockerServer::with(&[("BUILD__IMAGES", &listed)]);
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = space.fails(
        &dockerfile(&format!("FROM {name}\nRUN exit 5"), ""),
        "BUILD_ERROR",
    );
    assert!(message.contains("exit code 5"), "{message}");
    drop(server);
    docker(&["rmi", &name]).unwrap();
}

/// What people write: stages, arguments, comments in between, a user of its own, shells, labels, checks.
const USUAL: &str = r#"# syntax=docker/dockerfile:1
ARG BASE=glasshouse-test-python
ARG TAG=1

FROM ${BASE}:${TAG} AS builder
# a stage that makes something
WORKDIR /build
RUN echo "made here" > made.txt && \
    # in between
    echo 'and "quoted" $HOME' >> made.txt \

    && test -s made.txt

FROM builder AS unused
RUN exit 0

FROM $BASE:$TAG
LABEL org.opencontainers.image.title="An app" maintainer='Somebody <a@b>'
ARG WHO=nobody
ARG GREETING
ENV HOME=/home/user \
    PATH=/home/user/.local/bin:$PATH \
    WHO="$WHO"
ENV OLD form of it
SHELL ["/bin/sh", "-ec"]
RUN mkdir -p $HOME/app && echo 'user:x:1000:1000::/home/user:/bin/sh' >> /etc/passwd \
    && echo 'user:x:1000:' >> /etc/group
RUN false || true; echo "<$GREETING>" > /greeting
USER user
WORKDIR $HOME/app
COPY --chown=user --from=builder /build/made.txt made.txt
COPY --chown=1000:1000 . $HOME/app
ADD ["a file.txt", "/opt/a copy.txt"]
EXPOSE 7860
VOLUME ["/scratch"]
STOPSIGNAL SIGINT
HEALTHCHECK --interval=30s --timeout=3s CMD python -c "print('well')" || exit 1
ENTRYPOINT ["python", "-u"]
CMD ["app.py"]
"#;

#[test]
fn what_people_write_is_built_as_they_mean_it() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    space
        .post(
            "/variables",
            &serde_json::json!({"key": "GREETING", "value": "good\nday"}),
        )
        .expect(200);
    let mut files = app("here", "");
    files.retain(|file| !matches!(file, Op::File(path, _) if path == "Dockerfile"));
    files.push(Op::file("Dockerfile", USUAL));
    files.push(Op::file("a file.txt", "with a space"));
    files.push(Op::file(".glasshouse.Dockerfile", "FROM nothing"));
    files.push(Op::file(".dockerignore", "# nothing\n"));
    space.commit(&files);
    space.settles();
    assert_eq!(
        space.visit("/").expect(200).text(),
        "here",
        "{}",
        space.error_message()
    );
    let output = space.exec(
        r#"
        print(os.getcwd(), os.environ["HOME"], os.environ["WHO"], os.environ["OLD"])
        print(os.environ["PATH"].split(":")[0], os.getuid(), os.stat("app.py").st_uid, os.stat("made.txt").st_uid)
        print(open("made.txt").read() + open("/opt/a copy.txt").read())
        print(open("/greeting").read())
        print(open("Dockerfile").read().startswith(chr(35) + ' syntax'), sorted(os.listdir(".")))
        "#,
    );
    let expected = "/home/user/app /home/user nobody form of it\n/home/user/.local/bin 1000 1000 1000\nmade here\nand \"quoted\" $HOME\nwith a space\n<good\nday>\n\nTrue ['.dockerignore', '.gitattributes', 'Dockerfile', 'README.md', 'a file.txt', 'app.py', 'made.txt']\n";
    assert_eq!(output, expected);
    let image = server.container(&space)["Image"]
        .as_str()
        .unwrap()
        .to_owned();
    let shown = docker(&["image", "inspect", &image]).unwrap();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let config = &shown[0]["Config"];
    assert_eq!(config["User"], "user");
    assert_eq!(config["StopSignal"], "SIGINT");
    assert_eq!(config["Shell"], serde_json::json!(["/bin/sh", "-ec"]));
    assert_eq!(config["Labels"]["maintainer"], "Somebody <a@b>");
    let log = space.log("build").join("\n");
    assert!(
        log.contains("(Dockerfile:5): FROM ${BASE}:${TAG} AS builder"),
        "{log}"
    );
}

#[test]
fn a_failure_names_its_line_and_what_the_tool_said() {
    let server = DockerServer::with(&[("BUILD__NETWORK", "false")]);
    let alice = server.user("alice");
    let space = alice.create("app");
    let text = format!(
        "# a comment\nFROM {PYTHON_IMAGE}\n\nRUN true\nRUN echo one && \\\n    # why\n    pip install --no-index --disable-pip-version-check nope==9\n"
    );
    let message = is_refused(&space, &text);
    assert!(message.starts_with("Dockerfile:5: "), "{message}");
    assert!(
        message.contains("No matching distribution found for nope==9"),
        "{message}"
    );
    let message = is_refused(&space, &format!("FROM {PYTHON_IMAGE}\n\nCOPY nowhere /\n"));
    assert!(
        message.starts_with("Dockerfile:3: ") && message.contains("nowhere"),
        "{message}"
    );
    // Of an SDK's own file the author sees nothing, but what it said of theirs.
    let gradio = [
        card("sdk: gradio"),
        Op::file("app.py", "print(1)"),
        Op::file("pre-requirements.txt", "--no-index\nnope==9\n"),
    ];
    let message = alice.create("gradio").fails(&gradio, "BUILD_ERROR");
    assert!(message.starts_with("pre-requirements.txt: "), "{message}");
    assert!(
        message.contains("No matching distribution found for nope==9"),
        "{message}"
    );
    assert!(!message.contains("if ["), "{message}");
}

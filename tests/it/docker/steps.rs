//! A `RUN` has a container of its own: what it may do there, and what of it is the image's.

use serde_json::{Value, json};

use crate::support::docker::{PYTHON_IMAGE, docker, dockerfile};
use crate::support::{DockerServer, Op, Space};

const APP: &str = "import http.server, os\n\
    class Handler(http.server.BaseHTTPRequestHandler):\n\
    \x20   def do_GET(self):\n\
    \x20       self.send_response(200)\n\
    \x20       self.end_headers()\n\
    \x20       self.wfile.write(repr(dict(os.environ)).encode())\n\
    http.server.HTTPServer(('', 7860), Handler).serve_forever()\n";

/// Publishes `text` on the image with Python; the configuration of the image that comes of it.
#[track_caller]
fn built(server: &DockerServer, space: &Space<'_>, text: &str, more: &[(&str, &str)]) -> Value {
    let mut files = dockerfile(&text.replace("BASE", PYTHON_IMAGE), "");
    files.push(Op::file("app.py", APP));
    files.extend(more.iter().map(|(path, text)| Op::file(path, *text)));
    space.commit(&files);
    assert_eq!(space.settles(), "RUNNING", "{:#?}", space.log("build"));
    let image = server.container(space)["Image"]
        .as_str()
        .unwrap()
        .to_owned();
    let shown = docker(&["image", "inspect", &image]).unwrap();
    let mut shown: Value = serde_json::from_str(&shown).unwrap();
    shown[0]["Config"].take()
}

#[test]
fn a_step_may_do_what_installing_needs_and_no_more() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    let refused = "import os, socket\n\
        def refused(what):\n\
        \x20   try: what()\n\
        \x20   except PermissionError: return\n\
        \x20   raise SystemExit('allowed')\n\
        refused(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))\n\
        refused(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))\n\
        refused(lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM))\n\
        refused(lambda: os.mknod('/disk', 0o60666, os.makedev(8, 0)))\n\
        refused(lambda: os.chroot('/tmp'))\n\
        refused(lambda: os.nice(-5))\n";
    let text = "FROM BASE\nCOPY refused.py app.py /\nRUN python3 /refused.py\n\
        RUN useradd --create-home worker && su worker -c 'touch ~/mine' && chown worker /refused.py && \
        chmod 6755 /refused.py && setpriv --reuid=worker --regid=100 --clear-groups true\n\
        CMD [\"python3\", \"/app.py\"]";
    built(&server, &space, text, &[("refused.py", refused)]);
}

#[test]
fn what_holds_for_a_step_is_not_the_images() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    let text = "FROM BASE\nARG SEEN=\"a b\"\nENV KEPT=k\nWORKDIR /srv\nCOPY app.py .\nEXPOSE 7860\nSTOPSIGNAL SIGINT\n\
        LABEL own=label\nHEALTHCHECK --interval=5s CMD true\nVOLUME /cache\nENTRYPOINT [\"python3\"]\nCMD [\"app.py\"]\n\
        SHELL [\"/bin/bash\", \"-c\"]\nRUN test \"$SEEN\" = 'a b' && test $KEPT = k && test $PWD = /srv && [[ -n $BASH_VERSION ]]\n\
        RUN [\"python3\", \"-c\", \"import os; assert os.environ['SEEN'] == 'a b'\"]\nUSER 1000\nRUN test $(id -u) = 1000";
    let config = built(&server, &space, text, &[]);
    let env = config["Env"].as_array().unwrap();
    assert!(env.contains(&json!("KEPT=k")), "{env:?}");
    assert!(
        !env.iter()
            .any(|pair| pair.as_str().unwrap().starts_with("SEEN")),
        "{env:?}"
    );
    for (name, wanted) in [
        ("WorkingDir", json!("/srv")),
        ("ExposedPorts", json!({"7860/tcp": {}})),
        ("StopSignal", json!("SIGINT")),
        ("Volumes", json!({"/cache": {}})),
        ("Entrypoint", json!(["python3"])),
        ("Cmd", json!(["app.py"])),
        ("Shell", json!(["/bin/bash", "-c"])),
        ("User", json!("1000")),
    ] {
        assert_eq!(config[name], wanted, "{name}");
    }
    assert_eq!(
        config["Healthcheck"]["Test"],
        json!(["CMD", "/bin/sh", "-c", "true"])
    );
    assert_eq!(config["Labels"]["own"], "label");
}

/// As on the Hub, whose own first example is written so.
#[test]
fn a_working_directory_is_its_users() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    let text = "FROM BASE\nRUN useradd -m -u 1000 user && mkdir /kept\nUSER user\nENV HOME=/home/user\nWORKDIR $HOME/app\n\
        COPY --chown=user . $HOME/app\nWORKDIR /kept\nRUN test $(stat -c %u /kept) = 0\nWORKDIR /srv/a\nWORKDIR b\n\
        RUN touch ~/app/mine ./mine ../mine && test $PWD = /srv/a/b\nUSER root\nWORKDIR /roots\nRUN test $(stat -c %u .) = 0 && test ! -e ~/app/.glasshouse.documents\n\
        USER user\nWORKDIR /home/user/app\nCMD [\"python3\", \"app.py\"]";
    let config = built(&server, &space, text, &[]);
    assert_eq!(config["WorkingDir"], "/home/user/app");
}

#[test]
fn the_last_step_is_no_command_of_an_image_without_one() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    let text =
        format!("FROM {PYTHON_IMAGE} AS one\nENTRYPOINT []\nCMD []\nRUN true\nFROM one\nRUN true");
    let message = space.fails(&dockerfile(&text, ""), "BUILD_ERROR");
    assert!(message.contains("no command to run"), "{message}");
}

#[test]
fn what_newer_builders_know_is_built() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    space
        .post(
            "/secrets",
            &json!({"key": "BUILD_KEY", "value": "s3cret-of-the-build"}),
        )
        .expect(200);
    let text = "# syntax=docker/dockerfile:1\nFROM --platform=linux/amd64 BASE\nARG TARGETOS\nWORKDIR /srv\nENV NAME=glass\n\
        RUN --mount=type=bind,source=list.txt,target=list.txt --mount=type=bind,target=/all test \"$(cat list.txt /all/list.txt)\" = \"$(printf 'a\\na')\"\n\
        RUN --mount=type=secret,id=BUILD_KEY,required=true test $(wc -c < /run/secrets/BUILD_KEY) = 19 && test $(stat -c %a /run/secrets/BUILD_KEY) = 400\n\
        RUN --mount=type=secret,id=NONE test ! -e /run/secrets/NONE && test $TARGETOS = linux\n\
        RUN --mount=type=cache,target=/root/.cache/x touch /root/.cache/x/y && test -e /root/.cache/x/y\n\
        RUN test ! -e /root/.cache/x/y && test ! -e list.txt -o ! -s list.txt\n\
        RUN --mount=type=tmpfs,target=/fast,size=16m df -k /fast | grep -q 16384\n\
        RUN useradd --uid 1000 worker\nUSER worker\nRUN --mount=type=cache,target=/home/worker/.cache,uid=1000,gid=1000,mode=0700 touch ~/.cache/x\nUSER root\n\
        RUN <<EOF\nset -e\necho \"one $NAME\" > /one\n# a comment\necho two >> /one\nEOF\n\
        RUN <<EOF\n#!/usr/bin/env python3\nimport sys\nopen('/two', 'w').write('python')\nEOF\n\
        COPY --chmod=0750 list.txt /mode\nCOPY <<EOF <<'raw.txt' /documents/\nhello $NAME\nEOF\nhello $NAME\nraw.txt\n\
        COPY --link --chown=1000:1000 list.txt /linked\n\
        RUN test \"$(cat /one /two /documents/EOF /documents/raw.txt)\" = \"$(printf 'one glass\\ntwo\\npythonhello glass\\nhello $NAME')\" && \
        test $(stat -c %a /mode) = 750 && test $(stat -c %u /linked) = 1000\n\
        COPY app.py .\nCMD [\"python3\", \"/srv/app.py\"]";
    let config = built(
        &server,
        &space,
        text,
        &[
            ("list.txt", "a\n"),
            (".dockerignore", "*\n!list.txt\n!app.py\n"),
        ],
    );
    assert!(!config.to_string().contains("s3cret"), "{config}");
    let image = server.container(&space)["Image"]
        .as_str()
        .unwrap()
        .to_owned();
    let history = docker(&["history", "--no-trunc", &image]).unwrap();
    assert!(!history.contains("s3cret"), "{history}");
    let left = docker(&[
        "run",
        "--rm",
        "--entrypoint",
        "sh",
        &image,
        "-c",
        "cat /run/secrets/* 2>/dev/null; true",
    ]);
    assert_eq!(left.unwrap(), "");
    let missing =
        "FROM BASE\n\nRUN --mount=type=secret,id=OTHER,required true".replace("BASE", PYTHON_IMAGE);
    let message = space.fails(&dockerfile(&missing, ""), "BUILD_ERROR");
    assert!(
        message.starts_with("Dockerfile:3: ") && message.contains("`OTHER`"),
        "{message}"
    );
}

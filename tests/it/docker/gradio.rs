//! A real Gradio app and its real client.

use crate::support::{DockerServer, Op, card, eventually};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// Predicts, streams and uploads, as a program would.
const CLIENT: &str = r#"
    import struct, zlib
    from gradio_client import Client, handle_file

    def png(width, height):
        rows = b"".join(b"\0" + bytes((x * 7 + y * 3) % 256 for x in range(width) for _ in range(3)) for y in range(height))
        chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")

    picture = Path("picture.png")
    picture.write_bytes(png(200, 120))
    client = Client("alice/seams", verbose=False)
    job = client.submit(handle_file(picture), 60, api_name="/carve")
    streamed = [progress for _, progress in job]
    energy = client.predict(handle_file(picture), api_name="/energy")
    colours = client.predict(handle_file(picture), 3, api_name="/colours")
    refused = raised(lambda: client.predict(None, api_name="/energy"))
    say({
        "streamed": streamed,
        "energy": Path(energy).stat().st_size,
        "colours": len(colours["confidences"]),
        "refused": refused["text"],
    })
"#;

#[test]
fn it_answers_gradio_client_across_a_freeze_and_a_sleep() {
    let server = DockerServer::with(&[("DOCKER__FREEZE_AFTER", "2s")]);
    let alice = server.user("alice");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/seams");
    let example = example.to_str().unwrap();
    server
        .hf(&alice.token)
        .run(&["upload", "alice/seams", example, ".", "--type", "space"])
        .success();
    let space = alice.space("seams");
    assert_eq!(space.settles(), "RUNNING", "{:#}", space.runtime());
    let python = server.python(&alice.token);
    for round in ["just started", "frozen", "asleep"] {
        match round {
            "frozen" => eventually(Duration::from_secs(30), "it is frozen", || {
                (server.container(&space)["State"]["Status"] == "paused").then_some(())
            }),
            "asleep" => {
                space.post("/sleeptime", &json!({"seconds": 1})).expect(200);
                eventually(Duration::from_secs(60), "it sleeps", || {
                    (space.stage() == "SLEEPING" && server.containers(&space).is_empty())
                        .then_some(())
                });
            }
            _ => {}
        }
        let reported = python.run(CLIENT);
        let streamed = reported["streamed"].as_array().unwrap();
        assert!(streamed.len() > 2, "{round}: {reported}");
        let last = streamed.last().unwrap().as_str().unwrap();
        assert!(last.starts_with("120 of 200"), "{round}: {reported}");
        assert!(
            reported["energy"].as_u64().unwrap() > 100,
            "{round}: {reported}"
        );
        assert_eq!(reported["colours"], 3, "{round}: {reported}");
        assert!(
            reported["refused"]
                .as_str()
                .unwrap()
                .contains("Choose a picture"),
            "{round}: {reported}"
        );
    }
}

#[test]
fn its_requirements_are_installed() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    // Gradio itself is in the image of the tests; what is new is one small package, one before it, and one of Debian's.
    space.commit(&[
        card("sdk: gradio"),
        Op::file("requirements.txt", "tinydb==4.8.2\n"),
        Op::file("pre-requirements.txt", "tomli==2.0.2\n"),
        Op::file("packages.txt", "tree\n"),
        Op::file(
            "app.py",
            r#"
import os, subprocess, gradio, tinydb, tomli

def versions():
    tree = subprocess.run(["tree", "--version"], capture_output=True, text=True).stdout
    return {"tinydb": tinydb.__version__, "tree": tree, "uid": os.getuid(), "home": os.environ["HOME"],
        "folder": os.getcwd(), "space": os.environ["SPACE_ID"], "system": os.environ["SYSTEM"]}

gradio.Interface(versions, [], "json", api_name="versions").launch()
"#,
        ),
    ]);
    assert_eq!(
        space.settles(),
        "RUNNING",
        "{:#}\n{}",
        space.runtime(),
        space.log("build").join("\n")
    );
    let reported = server.python(&alice.token).run(
        r#"
        from gradio_client import Client
        say(Client("alice/app", verbose=False).predict(api_name="/versions"))
        "#,
    );
    assert_eq!(reported["tinydb"], "4.8.2", "{reported}");
    assert!(
        reported["tree"].as_str().unwrap().contains("tree v"),
        "{reported}"
    );
    assert_eq!(reported["uid"], 1000, "{reported}");
    assert_eq!(reported["home"], "/home/user", "{reported}");
    assert_eq!(reported["folder"], "/home/user/app", "{reported}");
    assert_eq!(reported["space"], "alice/app", "{reported}");
    assert_eq!(reported["system"], "spaces", "{reported}");
}

#[test]
fn what_pip_cannot_find_is_the_authors_to_mend() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.create("app");
    let files = [
        card("sdk: gradio"),
        Op::file("requirements.txt", "tinydb==0.0.0.1\n"),
        Op::file("app.py", "print()"),
    ];
    let message = space.fails(&files, "BUILD_ERROR");
    assert!(message.contains("requirements.txt"), "{message}");
    let log = space.log("build").join("\n");
    assert!(log.contains("No matching distribution"), "{log}");
}

#[test]
fn where_nothing_can_be_preinstalled_builds_go_on_without() {
    let settings = [
        ("BUILD__NETWORK", "false"),
        ("RUNTIMES__GRADIO__PREINSTALL", "true"),
    ];
    let server = DockerServer::with(&settings);
    let alice = server.user("alice");
    let app = "import http.server\nhttp.server.HTTPServer(('', 7860), http.server.SimpleHTTPRequestHandler).serve_forever()\n";
    let space = alice.create("app");
    space.commit(&[card("sdk: gradio"), Op::file("app.py", app)]);
    assert_eq!(space.settles(), "RUNNING", "{:#?}", space.log("build"));
    let log = space.log("build").join("\n");
    assert!(
        log.contains("could not be installed on this server"),
        "{log}"
    );
}

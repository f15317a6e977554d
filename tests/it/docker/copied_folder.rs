//! A data folder that was copied with everything in it does not get the containers of the one it was copied from.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::cli::Said;
use crate::support::docker::app;
use crate::support::server::BINARY;
use crate::support::{DockerServer, Hub, Space};

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.unwrap().success());
}

/// `glasshouse ARGUMENTS --data FOLDER`, which ends by itself.
fn run(arguments: &[&str], data: &Path) -> Said {
    let mut command = Command::new(BINARY);
    command
        .args(arguments)
        .arg("--data")
        .arg(data)
        .current_dir(data.parent().unwrap())
        .stdin(Stdio::null());
    Said::of(&mut command)
}

#[test]
fn its_server_is_refused_until_it_has_a_name_of_its_own() {
    let mut server = DockerServer::start();
    let token = server.user("alice").token;
    let space_id = {
        let alice = Hub::new(&server, "alice", &token);
        let space = alice.publish_container("app", &app("here", ""));
        server.container(&space)["Id"].clone()
    };
    // While it runs, and after it was killed, its containers are its own.
    for running in [true, false] {
        if !running {
            server.kill();
        }
        let drill = server
            .scratch(if running { "drill" } else { "second" })
            .join("data");
        copy(&server.data(), &drill);
        let output = run(&["serve", "--listen", "127.0.0.1:0"], &drill).failure();
        let data = server.data().canonicalize().unwrap();
        assert!(
            output.contains("engine rename") && output.contains(data.to_str().unwrap()),
            "{output}"
        );
        if running {
            let output = run(&["engine", "take"], &drill).failure();
            assert!(output.contains("stop it first"), "{output}");
        }
        let alive = server.ids("container");
        assert_eq!(alive, [space_id.as_str().unwrap()], "the copy touched them");
    }
    let drill = server.scratch("second").join("data");
    run(&["engine", "rename"], &drill).success();
    // The folder itself is known again, under another path too.
    let (data, aside) = (server.data(), server.data().with_file_name("aside"));
    std::fs::rename(&data, &aside).unwrap();
    std::fs::rename(&aside, &data).unwrap();
    server.launch();
    let space = Hub::new(&server, "alice", &token).space("app");
    space.wait_for("RUNNING");
    assert_eq!(space.visit("/").text(), "here");
    assert_eq!(
        server.container(&space)["Id"],
        space_id,
        "it was not taken in"
    );

    // Beside it, one of its own: on its own network, with its own hub.
    let copied = DockerServer::on(&[], |data| {
        std::fs::rename(&drill, data).unwrap();
    });
    let twin = Hub::new(&copied, "alice", &token).space("app");
    assert_eq!(twin.visit("/").text(), "here");
    assert_ne!(copied.data_id(), server.data_id());
    assert!(networks(&copied, &twin).is_disjoint(&networks(&server, &space)));
    let hub = "print(os.environ['HF_ENDPOINT'].split('/')[2].split(':')[0])";
    assert_ne!(twin.exec(hub), space.exec(hub));
    drop(copied);
    assert_eq!(server.ids("container"), [space_id.as_str().unwrap()]);
    assert_eq!(space.visit("/").text(), "here");
}

/// The networks that the container of a Space is on.
fn networks(server: &DockerServer, space: &Space<'_>) -> BTreeSet<String> {
    let container = server.container(space);
    let networks = container["NetworkSettings"]["Networks"].as_object();
    networks.unwrap().keys().cloned().collect()
}

#[test]
fn it_may_take_them_when_the_other_is_gone() {
    let mut server = DockerServer::start();
    let token = server.user("alice").token;
    let container = {
        let alice = Hub::new(&server, "alice", &token);
        let space = alice.publish_container("app", &app("here", ""));
        server.container(&space)["Id"].clone()
    };
    server.kill();
    // As `mv` to another disk does it.
    let (data, copied) = (server.data(), server.data().with_file_name("copied"));
    copy(&data, &copied);
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::rename(&copied, &data).unwrap();
    let output = run(&["serve", "--listen", "127.0.0.1:0"], &data).failure();
    assert!(output.contains("engine take"), "{output}");
    run(&["engine", "take"], &data).success();
    server.launch();
    let space = Hub::new(&server, "alice", &token).space("app");
    space.wait_for("RUNNING");
    assert_eq!(space.visit("/").text(), "here");
    assert_eq!(server.container(&space)["Id"], container);
}

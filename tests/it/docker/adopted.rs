//! The server may die at any moment: what it started goes on, and is taken in again.

use crate::support::docker::{PYTHON_IMAGE, app, docker};
use crate::support::{DockerServer, Hub, Request, eventually};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

/// Where a container answers, without any gateway.
fn address(container: &Value) -> SocketAddr {
    let networks = container["NetworkSettings"]["Networks"]
        .as_object()
        .unwrap();
    let address = networks.values().next().unwrap()["IPAddress"]
        .as_str()
        .unwrap();
    (address.parse::<std::net::IpAddr>().unwrap(), 7860).into()
}

/// A container of somebody else, which goes with this value.
struct Stranger(String);

impl Stranger {
    fn with(labels: &[&str]) -> Self {
        let mut command = vec!["run", "--detach"];
        for label in labels {
            command.extend(["--label", label]);
        }
        command.extend([PYTHON_IMAGE, "sleep", "1000"]);
        Self(docker(&command).unwrap())
    }

    fn runs(&self) -> bool {
        docker(&["inspect", "--format", "{{.State.Running}}", &self.0])
            .is_ok_and(|output| output == "true")
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = docker(&["rm", "--force", &self.0]);
    }
}

#[test]
fn what_runs_goes_on_and_is_adopted() {
    let mut server = DockerServer::start();
    let (token, before) = {
        let alice = server.user("alice");
        let space = alice.publish_container("app", &app("here", ""));
        space.exec("open('/tmp/state', 'w').write('kept')");
        (alice.token.clone(), server.container(&space))
    };
    for planned in [false, true] {
        match planned {
            true => assert_eq!(server.stop(), Some(0)),
            false => server.kill(),
        }
        // Nobody watches, and it serves.
        let answer = Request::get("/").send(address(&before));
        assert_eq!(answer.expect(200).text(), "here");
        server.launch();
        let alice = Hub::new(&server, "alice", &token);
        let space = alice.space("app");
        space.wait_for("RUNNING");
        assert_eq!(space.visit("/").expect(200).text(), "here");
        assert_eq!(space.exec("print(open('/tmp/state').read())"), "kept\n");
        assert_eq!(server.container(&space)["Id"], before["Id"]);
        assert_eq!(
            space.runtime()["limits"]
                .as_array()
                .unwrap()
                .iter()
                .find(|limit| limit["name"] == "memory")
                .unwrap()["state"],
            "enforced"
        );
        // What it prints is heard again.
        space.exec("sys.__stdout__.write('after the restart\\n'); sys.__stdout__.flush()");
        assert!(
            space
                .log("run")
                .iter()
                .any(|line| line == "after the restart")
        );
    }
}

#[test]
fn what_was_frozen_is_adopted_too() {
    let mut server = DockerServer::with(&[("DOCKER__FREEZE_AFTER", "1s")]);
    let (token, before) = {
        let alice = server.user("alice");
        let space = alice.publish_container("app", &app("here", ""));
        eventually(Duration::from_secs(30), "it is frozen", || {
            (server.container(&space)["State"]["Status"] == "paused").then_some(())
        });
        (alice.token.clone(), server.container(&space))
    };
    server.kill();
    server.launch();
    let alice = Hub::new(&server, "alice", &token);
    let space = alice.space("app");
    eventually(Duration::from_secs(60), "it answers", || {
        (space.visit("/").status == 200).then_some(())
    });
    assert_eq!(server.container(&space)["Id"], before["Id"]);
}

#[test]
fn what_ended_meanwhile_is_started_again() {
    let mut server = DockerServer::start();
    let (token, before) = {
        let alice = server.user("alice");
        let space = alice.publish_container("app", &app("here", ""));
        (alice.token.clone(), server.container(&space))
    };
    server.kill();
    docker(&["kill", before["Id"].as_str().unwrap()]).unwrap();
    server.launch();
    let alice = Hub::new(&server, "alice", &token);
    let space = alice.space("app");
    eventually(Duration::from_secs(60), "it answers", || {
        (space.visit("/").status == 200).then_some(())
    });
    assert_ne!(server.container(&space)["Id"], before["Id"]);
}

#[test]
fn what_ends_behind_its_back_is_started_again() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    for command in [
        ["kill"].as_slice(),
        &["rm", "--force"],
        &["stop", "--time=0"],
    ] {
        let before = server.container(&space);
        let id = before["Id"].as_str().unwrap();
        docker(&[command, &[id]].concat()).unwrap();
        eventually(Duration::from_secs(60), "another one answers", || {
            let all = server.containers(&space);
            (all.len() == 1 && all[0]["Id"] != id && space.visit("/").status == 200).then_some(())
        });
    }
}

#[test]
fn orphans_are_removed_and_strangers_are_not() {
    let mut server = DockerServer::start();
    let token = {
        let alice = server.user("alice");
        alice.publish_container("app", &app("here", ""));
        alice.token.clone()
    };
    server.kill();
    let own = format!("glasshouse.data={}", server.data_id());
    let orphan = Stranger::with(&[
        &own,
        "glasshouse.space=alice/gone",
        "glasshouse.instance=00000000000000000000000000",
    ]);
    let strangers = [
        Stranger::with(&[]),
        Stranger::with(&[
            "glasshouse.data=0123456789abcdef",
            "glasshouse.space=alice/app",
            "glasshouse.instance=0",
        ]),
        Stranger::with(&["glasshouse.space=alice/app", "glasshouse.revision=main"]),
    ];
    server.launch();
    let alice = Hub::new(&server, "alice", &token);
    eventually(Duration::from_secs(60), "the orphan is gone", || {
        (!orphan.runs()).then_some(())
    });
    alice.space("app").wait_for("RUNNING");
    alice
        .space("app")
        .hub
        .send(
            Request::new("DELETE", "/api/repos/delete").json(
                &serde_json::json!({"type": "space", "name": "app", "organization": "alice"}),
            ),
        )
        .expect(200);
    eventually(
        Duration::from_secs(60),
        "nothing of the Space is left",
        || {
            // Its image goes with the next sweep.
            ["container", "network"]
                .iter()
                .all(|kind| server.ids(kind).is_empty())
                .then_some(())
        },
    );
    for stranger in &strangers {
        assert!(stranger.runs(), "a stranger's container was touched");
    }
}

#[test]
fn stopping_the_server_leaves_no_container_of_a_paused_space() {
    let mut server = DockerServer::start();
    {
        let alice = server.user("alice");
        let space = alice.publish_container("app", &app("here", ""));
        space.post("/pause", &serde_json::json!({})).expect(200);
        eventually(Duration::from_secs(30), "it is stopped", || {
            server.containers(&space).is_empty().then_some(())
        });
    }
    assert_eq!(server.stop(), Some(0));
    assert!(server.ids("container").is_empty());
}

#[test]
fn a_visitor_of_a_container_that_just_died_waits_for_the_next_one() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    let before = server.container(&space);
    let id = before["Id"].as_str().unwrap();
    docker(&["kill", id]).unwrap();
    for _ in 0..3 {
        assert_eq!(space.visit("/").expect(200).text(), "here");
    }
    assert_ne!(server.container(&space)["Id"], before["Id"]);
}

#[test]
fn containers_are_stopped_with_the_server_where_that_is_wished_for() {
    let mut server = DockerServer::with(&[("SERVER__STOP_CONTAINERS", "true")]);
    server
        .user("alice")
        .publish_container("app", &app("here", ""));
    assert_eq!(server.stop(), Some(0));
    assert!(server.ids("container").is_empty());
}

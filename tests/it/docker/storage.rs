//! `/data`: storage that outlives containers, for cards that ask for it.

use crate::support::docker::{PYTHON_IMAGE, app, dockerfile};
use crate::support::{DockerServer, Hub, Op, Request, eventually};
use std::time::Duration;

#[test]
fn what_is_under_data_outlives_its_containers_and_not_its_space() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("one", "storage: 64 MiB"));
    assert_eq!(
        space.exec("open('/data/kept', 'w').write('for long'); print(os.stat('/data').st_uid)"),
        "1000\n"
    );
    let first = server.container(&space)["Id"].clone();
    space.commit(&app("two", "storage: 64 MiB"));
    eventually(Duration::from_secs(60), "the new one answers", || {
        (space.visit("/").text() == "two").then_some(())
    });
    assert_eq!(space.exec("print(open('/data/kept').read())"), "for long\n");
    eventually(Duration::from_secs(30), "one container", || {
        let all = server.containers(&space);
        (all.len() == 1 && all[0]["Id"] != first).then_some(())
    });
    // Somebody else's is somebody else's.
    let other = alice.publish_container("other", &app("other", "storage: 64 MiB"));
    assert_eq!(other.exec("print(os.listdir('/data'))"), "[]\n");
    let without = alice.publish_container("without", &app("without", ""));
    assert_eq!(without.exec("print(os.path.exists('/data'))"), "False\n");
    let folder = server.data().join("storage");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
    space
        .hub
        .send(
            Request::new("DELETE", "/api/repos/delete").json(
                &serde_json::json!({"type": "space", "name": "app", "organization": "alice"}),
            ),
        )
        .expect(200);
    eventually(Duration::from_secs(30), "its storage is gone", || {
        (std::fs::read_dir(&folder).unwrap().count() == 1).then_some(())
    });
}

#[test]
fn more_than_it_may_have_ends_it() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    for (name, writes) in [
        ("named", "f = open('/data/large', 'wb')"),
        (
            "nameless",
            "f = open('/data/large', 'wb'); os.remove('/data/large')",
        ),
        (
            "mapped",
            "import mmap; g = open('/data/large', 'w+b'); os.remove('/data/large'); g.truncate(32 << 20); \
             f = mmap.mmap(g.fileno(), 32 << 20); g.close()",
        ),
    ] {
        let space = alice.publish_container(name, &app("here", "storage: 8 MiB"));
        let first = server.container(&space)["Id"].clone();
        space.exec(&format!(
            "{writes}; threading.Thread(target=lambda: (time.sleep(0.5), f.write(b'x' * (32 << 20)), f.flush(), time.sleep(100))).start()"
        ));
        eventually(Duration::from_secs(30), "it is ended", || {
            let all = server.containers(&space);
            (all.is_empty() || all[0]["Id"] != first).then_some(())
        });
        let log = space.log("run").join("\n");
        assert!(log.contains("8 MiB"), "{name}: {log}");
    }
}

#[test]
fn a_build_that_writes_past_the_disk_quota_is_stopped() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let quota = Request::new("PUT", "/api/admin/quotas/alice");
    let quota = quota.json(&serde_json::json!({"disk": 24 << 20}));
    server.admin().send(quota).expect(200);
    let copies = "COPY --from=0 /usr/bin /a\n".repeat(9);
    for (name, steps) in [
        (
            "runs",
            "RUN head -c 16M /dev/zero > /one && sleep 1\nRUN head -c 16M /dev/zero > /two && sleep 60\n".to_owned(),
        ),
        (
            "copies",
            format!("FROM {PYTHON_IMAGE}\n{copies}RUN sleep 60\n"),
        ),
    ] {
        let text = format!("FROM {PYTHON_IMAGE}\n{steps}");
        let message = alice
            .create(name)
            .fails(&dockerfile(&text, ""), "BUILD_ERROR");
        assert!(message.contains("quota of disk"), "{name}: {message}");
        if name == "runs" {
            left(&alice);
        }
    }
}

/// What its first step left is its next build's, and counts.
fn left(alice: &Hub<'_>) {
    eventually(Duration::from_secs(20), "the layer counts", || {
        let quota = alice.get("/api/quota").expect(200).json();
        let used = quota["quotas"]["disk"]["used"].as_u64().unwrap();
        (16 << 20..17 << 20).contains(&used).then_some(())
    });
}

#[test]
fn more_than_the_operator_gives_is_refused() {
    let server = DockerServer::with(&[("DOCKER__STORAGE", "16 MiB")]);
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = space.fails(&app("", "storage: 17 MiB"), "CONFIG_ERROR");
    assert!(
        message.contains("README.md:") && message.contains("storage"),
        "{message}"
    );
}

#[test]
fn an_image_and_what_is_kept_count_against_the_disk_quota() {
    const MIB: u64 = 1 << 20;
    let server = DockerServer::start();
    let alice = server.user("alice");
    let disk = || {
        let quota = alice.get("/api/quota").expect(200).json();
        quota["quotas"]["disk"]["used"].as_u64().unwrap()
    };
    let mut files = app("one", "storage: 64 MiB");
    let larger = format!(
        "FROM {PYTHON_IMAGE}\nRUN head -c {} /dev/urandom > /filler && for i in $(seq 500); do echo $i > /small$i; done\nCOPY app.py /app.py\nCMD [\"python3\", \"/app.py\"]\n",
        5 * MIB
    );
    files.retain(|op| !matches!(op, Op::File(path, _) if path == "Dockerfile"));
    files.push(Op::file("Dockerfile", larger));
    let space = alice.publish_container("app", &files);
    let image = eventually(Duration::from_secs(20), "its image is counted", || {
        Some(disk()).filter(|bytes| *bytes >= 5 * MIB)
    });
    // Each small file takes a block of 4 KiB. The base alone has more than a hundred MiB.
    assert!((5 * MIB + 500 * 4096..9 * MIB).contains(&image), "{image}");
    space.exec(&format!(
        "open('/data/kept', 'wb').write(b'x' * {})",
        3 * MIB
    ));
    space.commit(&[Op::file("note.txt", "measured at a commit")]);
    eventually(Duration::from_secs(20), "what it keeps is counted", || {
        (disk() >= image + 3 * MIB).then_some(())
    });
}

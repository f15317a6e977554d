//! On a file system of sixteen megabytes, which only root can mount.

mod every_write;

use crate::support::{Op, Server, static_site};
use std::process::Command;

struct Mount(std::path::PathBuf);

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_commit_that_does_not_fit_changes_nothing() {
    let mut server = Server::start();
    server.kill();
    let data = server.data();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=16m", "glasshouse-test"])
        .arg(&data)
        .status();
    assert!(
        mounted.unwrap().success(),
        "only root can mount; GLASSHOUSE_TEST_SKIP=root leaves this out"
    );
    let _mount = Mount(data.clone());
    server.launch();
    let alice = server.user("alice");
    let space = alice.publish("demo", &static_site("here"));
    let mut seed = 1_u32;
    let mut noise = |bytes: usize| -> Vec<u8> {
        (0..bytes)
            .map(|_| {
                seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
                (seed >> 24) as u8
            })
            .collect()
    };
    let answer = space.try_commit(None, &[Op::file("big.bin", noise(30 << 20))]);
    assert!(matches!(answer.status, 500 | 503 | 507), "{answer:?}");
    assert!(answer.json()["error"].is_string(), "{answer:?}");
    let before = space.info()["sha"].clone();
    // To the brim, in pieces.
    let mut kept = Vec::new();
    for n in 0..40 {
        let content = noise(1 << 20);
        let path = format!("{n}.bin");
        if space
            .try_commit(None, &[Op::file(&path, content.clone())])
            .status
            == 200
        {
            kept.push((path, content));
        }
    }
    assert!(kept.len() < 20, "sixteen megabytes took {}", kept.len());
    for (path, content) in &kept {
        let answer = alice
            .get(&format!("/spaces/alice/demo/resolve/main/{path}"))
            .expect_whole(200);
        assert!(answer.body == *content, "{path} differs");
    }
    assert!(kept.is_empty() || space.info()["sha"] != before);
    assert_eq!(space.visit("/").expect(200).text(), "here");
    server.anonymous().get("/healthz").expect(200);
    let grown = Command::new("mount")
        .args(["-o", "remount,size=64m"])
        .arg(&data)
        .status()
        .unwrap();
    assert!(grown.success());
    space.commit(&[Op::file("index.html", "room again")]);
    space.wait_for("RUNNING");
    assert_eq!(space.visit("/").expect(200).text(), "room again");
}

//! What is removed is off the disk by the time its room is free, and what is kept to spare time gives way to what is not.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::support::{Hub, Op, Request, Server, eventually, static_site};
use crate::web::forms::{form, sign_in};

const MIB: usize = 1 << 20;

fn used(hub: &Hub<'_>) -> u64 {
    let quota = hub.get("/api/quota").expect(200).json();
    quota["quotas"]["disk"]["used"].as_u64().unwrap()
}

fn limit_disk(server: &Server, owner: &str, bytes: usize) {
    let quota = Request::new("PUT", format!("/api/admin/quotas/{owner}"));
    let quota = quota.json(&json!({"disk": bytes}));
    server.admin().send(quota).expect(200);
}

fn remove(hub: &Hub<'_>, name: &str, kind: &str) {
    let body = json!({"name": name, "type": kind});
    hub.send(Request::new("DELETE", "/api/repos/delete").json(&body))
        .expect(200);
}

/// Bytes below a folder of the server's.
fn on_disk(server: &Server, folder: &str) -> u64 {
    let mut folders = vec![server.data().join(folder)];
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(facts) if facts.is_dir() => folders.push(entry.path()),
                Ok(facts) => bytes += facts.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}

/// A page beside zeros: next to nothing in its repository, and all of it where it is laid out.
fn page(bytes: usize, version: &str) -> Vec<Op> {
    let mut files = static_site(version);
    files.push(Op::file("zeros", vec![0; bytes]));
    files
}

#[test]
fn large_files_chunks_and_sites_go_with_what_had_them() {
    let server = Server::start();
    let alice = server.user("alice");
    let python = server.python(&alice.token);
    let sent = python.run(
        r#"
        import os
        Path("big.bin").write_bytes(os.urandom(12 << 20))
        for name in ["one", "two"]:
            api.create_repo(f"alice/{name}")
        api.upload_file(path_or_fileobj="big.bin", path_in_repo="big.bin", repo_id="alice/one")
        say(api.model_info("alice/one", files_metadata=True).siblings[-1].size)
        "#,
    );
    assert_eq!(sent, 12 << 20);
    alice
        .publish("site", &page(4 * MIB, "one"))
        .wait_for("RUNNING");
    assert!(used(&alice) > 28 * MIB as u64, "{}", used(&alice));

    remove(&alice, "site", "space");
    assert!(on_disk(&server, "artifacts") < MIB as u64);
    // What is kept only to spare its sender another upload goes too.
    remove(&alice, "one", "model");
    assert!(on_disk(&server, "repos") < MIB as u64);
    assert!(used(&alice) < MIB as u64, "{}", used(&alice));

    // The client remembers what it has sent, and to where.
    let again = python.run(
        r#"
        api.upload_file(path_or_fileobj="big.bin", path_in_repo="big.bin", repo_id="alice/two")
        here = Path(hf_hub_download("alice/two", "big.bin"))
        say(here.read_bytes() == Path("big.bin").read_bytes())
        "#,
    );
    assert_eq!(again, true);
}

#[test]
fn chunks_of_an_upload_that_found_no_room_go_as_well() {
    let server = Server::start();
    let alice = server.user("alice");
    for name in ["one", "two"] {
        alice
            .create_with(name, json!({"type": "model"}))
            .expect(200);
    }
    // For the chunks, and not for the file that they are put together to.
    limit_disk(&server, "alice", 18 * MIB);
    alice.create("page");
    let on_its_page = || {
        let (cookie, carried) = sign_in(&server, &alice.token);
        let body = format!("form={carried}&do=delete&confirm=alice%2Fpage");
        let deleted = form("/spaces/alice/page/settings", &cookie, &body).send(server.address);
        assert_eq!(deleted.status, 303, "{deleted:?}");
        alice.get("/api/spaces/alice/page").expect(404);
    };
    let by_a_client = || remove(&alice, "two", "model");
    for delete in [&by_a_client as &dyn Fn(), &on_its_page] {
        let refused = server.python(&alice.token).run(
            r#"
            import os
            Path("big.bin").write_bytes(os.urandom(12 << 20))
            say(raised(lambda: api.upload_file(path_or_fileobj="big.bin", path_in_repo="big.bin", repo_id="alice/one"))["text"])
            "#,
        );
        assert!(refused.to_string().contains("403"), "{refused}");
        assert!(used(&alice) > 12 * MIB as u64, "{}", used(&alice));
        delete();
        assert!(used(&alice) < MIB as u64, "{}", used(&alice));
    }
}

#[test]
fn earlier_versions_take_a_tenth_of_the_disk_and_none_of_it_when_it_is_full() {
    let server = Server::start();
    let alice = server.user("alice");
    limit_disk(&server, "alice", 40 * MIB);
    let space = alice.publish("site", &page(3 * MIB, "0"));
    for version in ["1", "2"] {
        space.commit(&page(3 * MIB, version));
        eventually(Duration::from_secs(20), "the new version answers", || {
            (space.visit("/").text() == version).then_some(())
        });
    }
    // One of the two earlier ones fits.
    let sites = || on_disk(&server, "artifacts/sites");
    let fits = 6 * MIB as u64..7 * MIB as u64;
    eventually(Duration::from_secs(10), "the oldest one is gone", || {
        (fits.contains(&sites()) && fits.contains(&used(&alice))).then_some(())
    });

    let taken = usize::try_from(used(&alice)).unwrap();
    limit_disk(&server, "alice", taken + MIB / 2);
    let file = Op::file("more.txt", "more");
    alice
        .create_with("model", json!({"type": "model"}))
        .expect(200);
    assert!(sites() < 4 * MIB as u64, "{}", sites());
    assert!(used(&alice) < 4 * MIB as u64, "{}", used(&alice));
    assert_eq!(space.visit("/").expect(200).text(), "2");
    space.commit(&[file]);
}

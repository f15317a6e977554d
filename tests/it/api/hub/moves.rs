//! `move_repo`.

use crate::support::{Server, eventually, static_site};
use serde_json::json;
use std::io::{Read, Write};
use std::time::Duration;

#[test]
fn the_old_name_leads_to_the_new_one() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = server.python(&alice.token).run(
        r#"
        api.create_repo("alice/old")
        api.upload_file(path_or_fileobj=b"one", path_in_repo="a", repo_id="alice/old")
        api.create_repo("alice/taken")
        taken = raised(lambda: api.move_repo("alice/old", "alice/taken"))["type"]
        other = raised(lambda: api.move_repo("alice/old", "bob/mine"))["type"]
        api.move_repo("alice/old", "alice/new")
        say({"taken": taken, "other": other, "new": api.model_info("alice/new").id, "old": api.model_info("alice/old").id,
             "text": Path(hf_hub_download("alice/old", "a")).read_text(),
             "commit": api.upload_file(path_or_fileobj=b"two", path_in_repo="b", repo_id="alice/old").oid != None,
             "files": sorted(api.list_repo_files("alice/new"))})
        "#,
    );
    let expected = json!({"taken": "HfHubHTTPError", "other": "HfHubHTTPError", "new": "alice/new", "old": "alice/new",
                          "text": "one", "commit": true, "files": [".gitattributes", "a", "b"]});
    assert_eq!(output, expected);
    // A new one of the old name comes first.
    alice
        .create_with("old", json!({"type": "model"}))
        .expect(200);
    let info = alice.get("/api/models/alice/old").expect(200).json();
    assert_eq!(info["id"], "alice/old");
}

#[test]
fn a_space_answers_at_its_new_address() {
    let server = Server::start();
    let alice = server.user("alice");
    let old = alice.publish("old", &static_site("one"));
    server
        .python(&alice.token)
        .run(r#"api.move_repo("alice/old", "alice/new", repo_type="space"); say(1)"#);
    let new = alice.space("new");
    eventually(Duration::from_secs(20), "the new address answers", || {
        (new.visit("/").status == 200).then_some(())
    });
    assert_eq!(new.visit("/").text(), "one");
    let led = old.visit("/").expect(307);
    assert_eq!(led.header("location"), Some(&*format!("//{}/", new.host())));
    new.wait_for("RUNNING");
    let moved = alice.get("/api/spaces/alice/old/runtime").expect(307);
    assert_eq!(
        moved.header("location"),
        Some("/api/spaces/alice/new/runtime")
    );
    // Whoever may not see it does not learn where it is.
    alice
        .send(
            crate::support::Request::new("PUT", "/api/spaces/alice/new/settings")
                .json(&json!({"visibility": "private"})),
        )
        .expect(200);
    server.anonymous().get("/api/spaces/alice/old").expect(404);
}

#[test]
fn a_commit_to_the_old_name_leaves_its_connection_open_for_the_new_one() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.create("old");
    alice
        .post(
            "/api/repos/move",
            &json!({"fromRepo": "alice/old", "toRepo": "alice/new", "type": "space"}),
        )
        .expect(200);
    let body = crate::support::hub::commit_body(None, &[crate::support::Op::file("a", "one")]);
    let mut connection = std::net::TcpStream::connect(server.address).unwrap();
    connection
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut sender = connection.try_clone().unwrap();
    let mut answers = |output: &str| {
        connection.write_all(output.as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            let mut some = [0; 4096];
            let read = connection.read(&mut some).unwrap();
            assert_ne!(read, 0, "closed without an answer");
            answer.extend_from_slice(&some[..read]);
        }
        String::from_utf8(answer).unwrap()
    };
    let head = |name: &str| {
        format!(
            "POST /api/spaces/alice/{name}/commit/main HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n",
            server.address,
            alice.token,
            body.len()
        )
    };
    // The body comes well after the head, as it does from a client that is far away.
    let (old, new) = (head("old"), head("new"));
    let late = std::thread::spawn({
        let body = body.clone();
        move || {
            std::thread::sleep(Duration::from_millis(300));
            sender.write_all(body.as_bytes()).unwrap();
        }
    });
    let moved = answers(&old);
    assert!(moved.starts_with("HTTP/1.1 307"), "{moved}");
    assert!(
        moved.contains("/api/spaces/alice/new/commit/main"),
        "{moved}"
    );
    late.join().unwrap();
    let landed = answers(&(new + &body));
    assert!(landed.contains("HTTP/1.1 200"), "{landed}");
}

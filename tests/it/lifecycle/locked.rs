//! Something else, such as a backup or a shell, holds the database's lock: changes are refused before they begin and can
//! be tried again, reads go on, and a commit that landed in that very moment is published as soon as it can be.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::support::{Git, Op, Request, Server, eventually, static_site};

#[test]
fn a_change_is_refused_before_it_begins_and_reads_go_on() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish("demo", &static_site("old"));
    let address = Git::address(&server, "alice", &alice.token, "spaces/alice/demo");
    let git = Git::clone(&server, &address, "clone");
    git.commit(&[("index.html", b"pushed")]);
    let head = space.info()["sha"].clone();

    let held = Other::holds(&server);
    let answer = space.try_commit(None, &[Op::file("index.html", "new")]);
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    let output = git.run(&["push", "-q", "origin", "main"]).failure();
    assert!(output.contains("database is busy"), "{output}");
    let delete = json!({"name": "demo", "type": "space"});
    let answer = alice.send(Request::new("DELETE", "/api/repos/delete").json(&delete));
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(space.info()["sha"], head);
    assert_eq!(space.visit("/").expect(200).text(), "old");
    drop(held);

    git.run(&["push", "-q", "origin", "main"]).success();
    eventually(Duration::from_secs(30), "the push is served", || {
        (space.visit("/").text() == "pushed").then_some(())
    });
}

#[test]
fn what_has_landed_and_was_not_recorded_is_published_by_itself() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish("demo", &static_site("old"));
    // The branch can move, and what follows cannot be recorded.
    let refuses = "CREATE TRIGGER refuses BEFORE UPDATE OF head ON repositories BEGIN SELECT RAISE(FAIL, 'not now'); END";
    Other::runs(&server, refuses);
    let address = Git::address(&server, "alice", &alice.token, "spaces/alice/demo");
    let git = Git::clone(&server, &address, "clone");
    git.commit(&[("index.html", b"new")]);
    git.run(&["push", "-q", "origin", "main"]).success();
    let again = git.run(&["push", "origin", "main"]).success();
    assert!(format!("{again:?}").contains("up-to-date"), "{again:?}");
    assert_eq!(space.visit("/").expect(200).text(), "old");
    Other::runs(&server, "DROP TRIGGER refuses");
    eventually(Duration::from_secs(30), "the push is served", || {
        (space.visit("/").text() == "new").then_some(())
    });
}

/// Another process at the database, which holds its write lock until this drops.
struct Other(Child);

impl Other {
    fn holds(server: &Server) -> Self {
        let mut child = python(server, "BEGIN IMMEDIATE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        assert_eq!(line, "done\n");
        Self(child)
    }

    fn runs(server: &Server, statement: &str) {
        let status = python(server, statement)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.stdin.take().map(|mut input| input.write_all(b"\n"));
        let _ = self.0.wait();
    }
}

/// Runs a statement, says so, and ends with its input.
fn python(server: &Server, statement: &str) -> Command {
    let program = "import sqlite3, sys\n\
                   base = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)\n\
                   base.execute(sys.argv[2])\n\
                   print('done', flush=True)\n\
                   sys.stdin.read()";
    let mut command = Command::new("python3");
    command
        .args(["-c", program])
        .arg(server.data().join("glasshouse.db"))
        .arg(statement);
    command
}

//! A data folder that the version with one table for Spaces and another for models and datasets has left: everything in it
//! is there afterwards, also when the first start on it was killed.
//!
//! `upgrade/` holds such a folder as text: its database, its keys, and its repositories as `git fast-export` writes them,
//! with the large or repeated files given once. That version made it, asked by its API; then a deletion of a Space and one
//! of a model were stopped where a kill stops them, between the row and the files.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::guests::guest;
use crate::support::server::BINARY;
use crate::support::{Hub, Request, Server, eventually, static_site};
use crate::web::forms::sign_in;

const ADMIN: &str = "gls_o9vGwjkwGqNgWhmlDZXCJn5PD6MUpMwMG3UOtKWO";
const ALICE: &str = "gls_DhROCaJ3aNcKt6dDV7C1WwDTk870X8lbEjQa8cui";
const BOB: &str = "gls_9QWWboF9jIza9xtDBRKnP0Hu1HOVFOIqL9KSZrRu";
/// Alice's, for nothing but her Space `guest`.
const NARROW: &str = "gls_O9DzUkVh5fDy64S4IG2q3oG5y4pQNaEQqvUTYzBU";

/// What was being deleted: a Space and a model.
const GOING: [&str; 2] = [
    "01a22e0989a47422a77cee6747774855",
    "01a22e0989e4722d8b97b7c2a0afae01",
];

/// Lays the old folder out at `data`.
fn old_folder(data: &Path) {
    let mut folder = fs::DirBuilder::new();
    folder.mode(0o700).recursive(true);
    folder.create(data.join("keys")).unwrap();
    for line in include_str!("upgrade/keys.txt").lines() {
        let (name, key) = line.split_once(' ').unwrap();
        private(&data.join("keys").join(name), &hex::decode(key).unwrap());
    }
    private(&data.join("admin-token"), format!("{ADMIN}\n").as_bytes());
    execute(data, include_str!("upgrade/database.sql"));
    // What was used long ago would be forgotten.
    let used_now =
        "UPDATE usage_hours SET hour = CAST(strftime('%s', 'now') AS INTEGER) / 3600 - 1";
    execute(data, used_now);

    let mut sections = HashMap::new();
    for section in include_str!("upgrade/repositories.txt")
        .split("=== ")
        .skip(1)
    {
        let (name, text) = section.split_once('\n').unwrap();
        sections.insert(name, text);
    }
    for (id, text) in &sections {
        if !id.starts_with("ATTRIBUTES") {
            repository(data, id, text, &sections);
        }
    }
}

fn private(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn repository(data: &Path, id: &str, text: &str, sections: &HashMap<&str, &str>) {
    let mut stream = Vec::new();
    for line in text.split_inclusive('\n') {
        let file = match line.strip_prefix("data ").map(str::trim_end) {
            Some("GUEST") => guest("hello"),
            Some(name) if name.starts_with("ATTRIBUTES") => sections[name].as_bytes().to_vec(),
            _ => {
                stream.extend(line.as_bytes());
                continue;
            }
        };
        stream.extend(format!("data {}\n", file.len()).as_bytes());
        stream.extend(file);
    }
    let path = folder_of(data, id);
    let init = Command::new("git")
        .args(["init", "-q", "--bare", "-b", "main"])
        .arg(&path)
        .status();
    assert!(init.unwrap().success());
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet"])
        .env("GIT_DIR", &path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    import.stdin.take().unwrap().write_all(&stream).unwrap();
    assert!(import.wait().unwrap().success(), "{id}");
}

fn folder_of(data: &Path, id: &str) -> PathBuf {
    data.join("repos")
        .join(&id[id.len() - 2..])
        .join(format!("{id}.git"))
}

/// Runs statements on the database; the rows of the last one.
fn execute(data: &Path, statements: &str) -> Vec<Vec<Value>> {
    let program = "import json, sqlite3, sys\n\
                   base = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)\n\
                   text = sys.stdin.read()\n\
                   rows = base.execute(text).fetchall() if text.startswith('SELECT') else base.executescript(text) and []\n\
                   print(json.dumps(rows))";
    let mut child = Command::new("python3")
        .args(["-c", program])
        .arg(data.join("glasshouse.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(statements.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Looks for all that was put into the folder.
fn finds_everything(server: &Server) {
    let admin = Hub::new(server, "admin", ADMIN);
    let alice = Hub::new(server, "alice", ALICE);
    let bob = Hub::new(server, "bob", BOB);
    let anybody = server.anonymous();
    let text = |hub: &Hub<'_>, target: &str| hub.get(target).expect(200).text();

    // Models and datasets, their commits, tags and branches, and the name that one had before.
    assert_eq!(text(&anybody, "/alice/tiny/resolve/v1/config.json"), "{}");
    assert_eq!(text(&anybody, "/alice/tiny/resolve/side/side.txt"), "aside");
    let old = anybody.get("/api/models/alice/weights");
    assert!([200, 307].contains(&old.status), "{old:?}");
    let tiny = anybody.get("/api/models/alice/tiny").expect(200).json();
    assert_eq!(tiny["sha"], "e289442b2b7b047f58cc3162e98b4395c33a5cc5");
    assert_eq!(tiny["likes"], 1);
    let hidden = "/alice/hidden/resolve/main/config.json";
    assert_eq!(text(&alice, hidden), r#"{"hidden": true}"#);
    assert_eq!(anybody.get(hidden).status, 404);
    let rows = "/datasets/lab/rows/resolve/main/rows.csv";
    assert_eq!(text(&anybody, rows), "a,b\n1,2\n");

    // Spaces in every state.
    let meadow = alice.space("meadow");
    meadow.wait_for("RUNNING");
    assert_eq!(meadow.visit("/").expect(200).text(), "the second");
    assert_eq!(meadow.info()["likes"], 1);
    let old = anybody.get("/api/spaces/alice/page");
    assert!([200, 307].contains(&old.status), "{old:?}");
    let guest = alice.space("guest");
    let runtime = guest.wait_for("RUNNING");
    assert_eq!(runtime["hardware"]["requested"], "cpu-nano", "{runtime}");
    assert_eq!(runtime["gcTimeout"], 1200, "{runtime}");
    let volumes = runtime["volumes"].to_string();
    assert!(volumes.contains("alice/tiny"), "{runtime}");
    assert_eq!(anybody.get("/api/spaces/alice/guest").status, 404);
    let secrets = guest.api("/secrets").expect(200).json();
    assert_eq!(secrets["PASSWORD"]["description"], "of the cave");
    let variables = guest.api("/variables").expect(200).json();
    assert_eq!(variables["COLOUR"]["value"], "green");
    // It runs, so what was sealed could be opened; and what it may not have is still denied.
    let log = guest.log("run").join("\n");
    assert!(
        log.contains("alice/hidden, which is not on this server"),
        "{log}"
    );
    assert_eq!(alice.space("resting").stage(), "PAUSED");
    assert_eq!(bob.space("doubtful").stage(), "PAUSED");
    let lab = Hub::new(server, "lab", ALICE);
    assert_eq!(lab.space("clock").stage(), "NO_APP_FILE");
    for kind in ["spaces", "models"] {
        let target = format!("/api/{kind}/bob/same-name");
        anybody.get(&target).expect(200);
    }

    // People, their tokens, what they like, may have and have used.
    let members = alice.get("/api/organizations/lab/members").expect(200);
    assert!(members.text().contains("bob"));
    let likes = bob.get("/api/users/bob/likes").expect(200).json();
    assert_eq!(likes.as_array().unwrap().len(), 3, "{likes}");
    let quota = alice.get("/api/quota").expect(200).json();
    assert_eq!(quota["quotas"]["models"]["limit"], 7);
    assert_eq!(quota["quotas"]["models"]["used"], 2);
    assert_eq!(quota["quotas"]["spaces"]["used"], 3);
    let usage = admin.get("/api/usage?sum=true&hours=48").expect(200).json();
    let of_meadow = |row: &&Value| row["space"] == "alice/meadow";
    let rows = usage["rows"].as_array().unwrap();
    let requests = rows.iter().find(of_meadow).unwrap()["requests2xx"].as_u64();
    assert!(requests.unwrap() >= 3, "{usage}");
    let narrow = Hub::new(server, "alice", NARROW);
    narrow.get("/api/spaces/alice/guest").expect(200);
    assert_ne!(narrow.get("/api/models/alice/hidden").status, 200);

    // What operators look at.
    let (cookie, _) = sign_in(server, ADMIN);
    let board = Request::get("/operator").header("cookie", &cookie);
    let board = board.send(server.address).expect(200).text();
    for told in ["the flowers wilt", "it gives away"] {
        assert!(board.contains(told), "{told}: {board}");
    }
    let trail = text(&admin, "/api/admin/audit");
    for told in [
        "repository.move",
        "space.move",
        "space.disable",
        "quota.set",
    ] {
        assert!(trail.contains(told), "{told}: {trail}");
    }
    let gallery = text(&anybody, "/");
    assert!(gallery.contains("A meadow"), "{gallery}");

    // What was being deleted is gone.
    assert_eq!(bob.get("/api/spaces/bob/going").status, 404);
    assert_eq!(bob.get("/api/models/bob/gone").status, 404);
    eventually(Duration::from_secs(30), "its files are gone", || {
        let there = |id: &&str| folder_of(&server.data(), id).exists();
        (!GOING.iter().any(there)).then_some(())
    });
}

#[test]
fn everything_is_there_and_goes_on() {
    let mut server = Server::on(&[], old_folder);
    finds_everything(&server);
    {
        let alice = Hub::new(&server, "alice", ALICE);
        let guest = Hub::new(&server, "alice", NARROW).space("guest");
        guest.commit(&[crate::support::Op::file("more.txt", "more")]);
        let names = json!({"fromRepo": "alice/meadow", "toRepo": "alice/field", "type": "space"});
        alice.post("/api/repos/move", &names).expect(200);
        let names = json!({"fromRepo": "alice/field", "toRepo": "alice/meadow", "type": "space"});
        alice.post("/api/repos/move", &names).expect(200);
        // Names that were given up are free.
        let bob = Hub::new(&server, "bob", BOB);
        bob.publish("going", &static_site("again"));
        let going = json!({"name": "going", "type": "space"});
        let delete = Request::new("DELETE", "/api/repos/delete").json(&going);
        bob.send(delete).expect(200);
    }
    assert_eq!(server.stop(), Some(0));
    server.launch();
    finds_everything(&server);
}

#[test]
fn a_first_start_that_is_killed_half_way_is_made_up_for_by_the_next() {
    let server = Server::on(&[], |data| {
        old_folder(data);
        // Many rows to carry over, so that there is a middle to be killed in.
        let tiny = "01a22e097ff072ba86e602d672ea3171";
        let many = format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) \
             INSERT INTO former_names SELECT 'model', 'alice', 'old-' || i, '{tiny}' FROM n"
        );
        execute(
            data,
            &format!("{many}; PRAGMA journal_mode = WAL; PRAGMA wal_checkpoint(TRUNCATE);"),
        );
        let is_old = || {
            let tables = "SELECT COUNT(*) FROM sqlite_schema WHERE name IN ('removals', 'repositories_seen')";
            let steps = "SELECT MAX(version) FROM _sqlx_migrations";
            assert_eq!(execute(data, tables)[0][0], 1, "half of it was done");
            execute(data, steps)[0][0].as_i64().unwrap() < 31
        };
        assert!(is_old());
        for _ in 0..3 {
            kill_while_it_writes(data);
            if !is_old() {
                break;
            }
        }
    });
    let anybody = server.anonymous();
    let last = anybody.get("/api/models/alice/old-60000");
    assert!([200, 307].contains(&last.status), "{last:?}");
    finds_everything(&server);
}

/// Starts the server on a folder and ends it, as a power cut would, as soon as the database's log grows.
fn kill_while_it_writes(data: &Path) {
    let mut child = Command::new(BINARY)
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let log = data.join("glasshouse.db-wal");
    let begun = Instant::now();
    while fs::metadata(&log).map_or(0, |facts| facts.len()) < 1 << 20 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never wrote");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

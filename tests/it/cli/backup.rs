//! A backup of a server that is being used, and a server on what is restored from it.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FileType, Mode, OFlags, mkdirat, mknodat, openat};
use serde_json::json;

use crate::support::cli::Said;
use crate::support::guests::wasi;
use crate::support::server::BINARY;
use crate::support::{Hub, Op, Request, Server, static_site};

/// `glasshouse` where no server is asked.
#[track_caller]
fn local(arguments: &[&str], paths: &[(&str, &Path)]) -> Said {
    let mut command = Command::new(BINARY);
    command.args(arguments);
    for (flag, path) in paths {
        if !flag.is_empty() {
            command.arg(flag);
        }
        command.arg(path);
    }
    Said::of(&mut command)
}

/// Sends a large file to a model by the batch API and commits it.
fn large_file(hub: &Hub<'_>, name: &str, body: &[u8]) {
    use sha2::{Digest, Sha256};
    let oid = hex::encode(Sha256::digest(body));
    let asked = json!({"operation": "upload", "transfers": ["basic"], "objects": [{"oid": oid, "size": body.len()}]});
    let answer = hub
        .post(&format!("/alice/{name}.git/info/lfs/objects/batch"), &asked)
        .expect(200)
        .json();
    let href = answer["objects"][0]["actions"]["upload"]["href"]
        .as_str()
        .unwrap()
        .to_owned();
    let target = format!("/{}", href.splitn(4, '/').nth(3).unwrap());
    Request::new("PUT", target)
        .body(body)
        .send(hub.server.address)
        .expect(200);
    let header = json!({"key": "header", "value": {"summary": "large"}});
    let line = json!({"key": "lfsFile", "value": {"path": "weights.bin", "algo": "sha256", "oid": oid, "size": body.len()}});
    hub.send(
        Request::post(format!("/api/models/alice/{name}/commit/main"))
            .body(format!("{header}\n{line}\n")),
    )
    .expect(200);
}

/// What a Space may do to whoever copies its storage: a file of a terabyte that takes no disk, folders past the longest
/// path, a pipe that nobody writes to, a link to what is not its own.
fn hostile_storage(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let sparse = fs::File::create(folder.join("sparse")).unwrap();
    sparse.write_all_at(b"in the midst", TEBIBYTE / 2).unwrap();
    sparse.set_len(TEBIBYTE).unwrap();
    let top = fs::File::open(folder).unwrap();
    mknodat(&top, "pipe", FileType::Fifo, Mode::RUSR, 0).unwrap();
    let mut deepest = OwnedFd::from(top);
    for _ in 0..30 {
        mkdirat(&deepest, deep(1), Mode::RWXU).unwrap();
        deepest = openat(&deepest, deep(1), OFlags::DIRECTORY, Mode::empty()).unwrap();
    }
    fs::create_dir_all(folder.join("own")).unwrap();
    std::os::unix::fs::symlink("/etc", folder.join("own/link")).unwrap();
}

const TEBIBYTE: u64 = 1 << 40;

/// So many folders within one another.
fn deep(folders: usize) -> PathBuf {
    std::iter::repeat_n("d".repeat(200), folders).collect()
}

#[track_caller]
fn holds_what_can_be_kept(folder: &Path) {
    let sparse = fs::File::open(folder.join("sparse")).unwrap();
    let facts = sparse.metadata().unwrap();
    assert_eq!(facts.len(), TEBIBYTE);
    assert!(facts.blocks() < 2048, "its holes were filled: {facts:?}");
    let mut held = [0; 12];
    sparse.read_exact_at(&mut held, TEBIBYTE / 2).unwrap();
    assert_eq!(&held, b"in the midst");
    assert_eq!(
        fs::read_link(folder.join("own/link")).unwrap(),
        Path::new("/etc")
    );
    assert!(folder.join(deep(9)).is_dir());
    assert!(!folder.join(deep(10)).exists());
    assert!(fs::symlink_metadata(folder.join("pipe")).is_err());
}

/// The file of a repository's `lfs/` folder below a data folder or a backup.
fn large_files(root: &Path) -> Vec<PathBuf> {
    let blobs = fs::read_dir(root.join("repos/blobs")).unwrap();
    blobs
        .flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap())
        .map(|file| file.unwrap().path())
        .collect()
}

#[test]
fn what_was_acknowledged_before_it_is_there_after_it() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.publish("site", &static_site("here"));
    let guest = alice.create("guest");
    guest.commit(&wasi("hello", ""));
    guest.wait_for("RUNNING");
    guest
        .post("/secrets", &json!({"key": "A", "value": "b"}))
        .expect(200);
    alice
        .create_with("tiny", json!({"type": "model"}))
        .expect(200);
    let weights: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    large_file(&alice, "tiny", &weights);
    let storage = server.data().join("storage/kept");
    fs::create_dir_all(&storage).unwrap();
    fs::write(storage.join("notes"), "what an app kept").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", storage.join("link")).unwrap();
    let id = guest.api("").json()["_id"].as_str().unwrap().to_owned();
    let hostile = format!("storage/{id}");
    hostile_storage(&server.data().join(&hostile));

    // Somebody goes on writing.
    let busy = alice.create("busy");
    let written = AtomicBool::new(false);
    let backup = server.scratch("backups").join("today");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0.. {
                busy.commit(&[Op::file(&format!("{n}.txt"), n.to_string())]);
                alice.create(&format!("more-{n}")).post("", &json!({}));
                if written.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let made = local(&["backup"], &[("--data", &server.data()), ("", &backup)]);
        written.store(true, Ordering::Relaxed);
        let told = made.success().stdout;
        let left_out = "Entries left out from the storage of Space alice/guest: 1 nested too deeply, 1 that are not \
                        files";
        assert!(told.contains(left_out), "{told}");
    });
    holds_what_can_be_kept(&backup.join(&hostile));
    assert!(!backup.join("keys/engine").exists());
    assert_eq!(
        fs::read_link(backup.join("storage/kept/link")).unwrap(),
        Path::new("/etc/passwd"),
        "a link that a stranger made was followed"
    );
    local(&["restore", "--check"], &[("", &backup)]).success();
    let again = local(&["backup"], &[("--data", &server.data()), ("", &backup)]);
    assert!(again.failure().contains("exists"), "it was overwritten");

    let engine = fs::read(server.data().join("keys/engine")).unwrap();
    let restored = Server::on(&[], |data| {
        local(&["restore"], &[("", &backup), ("--data", data)]).success();
    });
    assert_ne!(
        fs::read(restored.data().join("keys/engine")).unwrap(),
        engine
    );
    holds_what_can_be_kept(&restored.data().join(&hostile));
    let alice = Hub::new(&restored, "alice", &alice.token);
    let site = alice.space("site");
    site.wait_for("RUNNING");
    assert_eq!(site.visit("/").expect(200).text(), "here");
    let guest = alice.space("guest");
    guest.wait_for("RUNNING");
    assert_eq!(guest.visit("/").expect(200).text(), "hello\n");
    assert!(guest.api("/secrets").json()["A"].is_object());
    let kept = alice
        .get("/alice/tiny/resolve/main/weights.bin")
        .expect(200);
    assert_eq!(kept.body, weights);
    // What it took in is on disk once, as it was.
    assert_eq!(large_files(&restored.data()).len(), 1);
    assert_eq!(
        fs::read_to_string(restored.data().join("storage/kept/notes")).unwrap(),
        "what an app kept"
    );
    site.commit(&static_site("further"));
}

#[test]
fn one_that_was_changed_is_refused() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.publish("site", &static_site("here"));
    alice
        .create_with("tiny", json!({"type": "model"}))
        .expect(200);
    large_file(&alice, "tiny", b"some weights");
    let folder = server.scratch("backups");
    let whole = folder.join("whole");
    local(&["backup"], &[("--data", &server.data()), ("", &whole)]).success();

    let refused = |name: &str, harm: &dyn Fn(&Path)| {
        let copy = folder.join(name);
        let copied = Command::new("cp").arg("-a").arg(&whole).arg(&copy).status();
        assert!(copied.unwrap().success());
        harm(&copy);
        let checked = local(&["restore", "--check"], &[("", &copy)]).failure();
        let data = folder.join(format!("{name}-restored"));
        local(&["restore"], &[("", &copy), ("--data", &data)]).failure();
        assert!(!data.exists(), "{name}: half of it was restored");
        checked
    };
    let message = refused("rows", &|copy| {
        fs::write(copy.join("glasshouse.db"), "no database").unwrap();
    });
    assert!(
        message.contains("glasshouse.db in the backup has been changed"),
        "{message}"
    );
    let message = refused("weights", &|copy| {
        fs::write(&large_files(copy)[0], "other weights").unwrap();
    });
    assert!(
        message.contains("its content does not match its name"),
        "{message}"
    );
    let message = refused("object", &|copy| {
        // Of the Space, which has three: any of them.
        let find = Command::new("find")
            .arg(copy.join("repos"))
            .args(["-path", "*/objects/??/*", "-type", "f", "-print", "-delete"])
            .output();
        assert!(!find.unwrap().stdout.is_empty());
    });
    assert!(message.contains("is damaged"), "{message}");
    let message = refused("repository", &|copy| {
        for folder in fs::read_dir(copy.join("repos")).unwrap() {
            let folder = folder.unwrap();
            if folder.file_name() != "blobs" {
                fs::remove_dir_all(folder.path()).unwrap();
            }
        }
    });
    assert!(message.contains("repository"), "{message}");
}

#[test]
fn one_without_keys_wants_them_from_elsewhere() {
    let server = Server::start();
    server.user("alice").publish("site", &static_site("here"));
    let folder = server.scratch("backups");
    let backup = folder.join("no-keys");
    let paths = [("--data", server.data()), ("", backup.clone())];
    let paths: Vec<_> = paths
        .iter()
        .map(|(flag, path)| (*flag, path.as_path()))
        .collect();
    local(&["backup", "--without-keys"], &paths).success();
    assert!(!backup.join("keys").exists());
    let data = folder.join("restored");
    let message = local(&["restore"], &[("", &backup), ("--data", &data)]).failure();
    assert!(message.contains("--keys"), "{message}");
    let keys = server.data().join("keys");
    local(
        &["restore"],
        &[("", &backup), ("--data", &data), ("--keys", &keys)],
    )
    .success();
    assert_eq!(
        fs::read(data.join("keys/secrets")).unwrap(),
        fs::read(keys.join("secrets")).unwrap()
    );
}

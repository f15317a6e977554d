//! Files changed by forms: what lands is what was typed, on what was seen, by whom it may.

use serde_json::json;

use super::forms::form;
use super::session::{Session, hidden};
use crate::support::{Git, Op, Server, Space, card, static_site};

fn raw(space: &Space<'_>, path: &str) -> Vec<u8> {
    let target = format!("/spaces/{}/raw/main/{path}", space.id);
    space.hub.server.anonymous().get(&target).expect(200).body
}

#[test]
fn what_is_typed_is_what_lands() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    let windows = "one\r\ntwo\r\nmixed\nlast";
    space.commit(&[
        card("sdk: static"),
        Op::file("index.html", "<p>one</p>\n"),
        Op::file("windows.txt", windows),
        Op::file(
            "deep/own/x.py",
            "\n\n</textarea><script>x</script>\n&amp; \u{202e}\n",
        ),
    ]);
    let session = Session::of(&server, &alice.token);
    let edit = |path: &str| format!("/spaces/alice/demo/edit/main/{path}");
    let page = session.look(&edit("windows.txt")).expect(200).text();
    let parent = hidden(&page, "parent");
    // As a browser sends it: every line break is CRLF.
    let typed = "one\r\ntwo and a half\r\nmixed\r\nlast";
    let output = [
        ("parent", parent.as_str()),
        ("text", typed),
        ("title", "Half\r\nmore"),
        ("description", "because\r\nso"),
    ];
    let done = session.send(&edit("windows.txt"), &output).expect(303);
    assert_eq!(
        done.header("location"),
        Some("/spaces/alice/demo/blob/main/windows.txt")
    );
    let kept = "one\r\ntwo and a half\r\nmixed\nlast";
    assert_eq!(String::from_utf8(raw(&space, "windows.txt")).unwrap(), kept);
    let newest = space.api("/commits/main").expect(200).json()[0].clone();
    assert_eq!(newest["title"], "Half  more");
    assert_eq!(newest["message"], "because\nso");
    assert_eq!(newest["authors"][0]["user"], "alice");

    // What would end the field early is text, and what begins with empty lines keeps them.
    let page = session.look(&edit("deep/own/x.py")).expect(200).text();
    assert!(!page.contains("<script>x"), "{page}");
    let begins = "wrap=\"off\">\n\n\n&#60;/textarea&#62;";
    assert!(page.contains(begins), "{page}");
    let before = raw(&space, "deep/own/x.py");
    let typed = String::from_utf8(before.clone())
        .unwrap()
        .replace('\n', "\r\n");
    let parent = hidden(&page, "parent");
    let output = [("parent", parent.as_str()), ("text", &typed)];
    session.send(&edit("deep/own/x.py"), &output).expect(303);
    assert_eq!(raw(&space, "deep/own/x.py"), before);
    // Nothing was changed, so there is no commit of it.
    let commits = space.api("/commits/main").expect(200).json();
    assert_eq!(commits[0]["id"], newest["id"]);

    let new = "/spaces/alice/demo/new/main";
    let parent = session.parent(&format!("{new}?in=deep"));
    let add = |path: &str, text: &str| {
        let output = [("parent", parent.as_str()), ("path", path), ("text", text)];
        session.send(new, &output)
    };
    for (path, why) in [
        ("index.html", "already"),
        ("", "path"),
        ("../x", "`..`"),
        (".git/config", ".git"),
        ("index.html/x", "is a file"),
        ("deep", "already"),
    ] {
        let refused = add(path, "typed in vain");
        assert_eq!(refused.status, 400, "{path}: {refused:?}");
        let text = refused.text();
        assert!(text.contains("typed in vain"), "{path}: {text}");
        assert!(text.contains(why), "{path}: {text}");
    }
    add("deep/new.txt", "a\r\nb").expect(303);
    assert_eq!(raw(&space, "deep/new.txt"), b"a\nb");
    let long = "x".repeat((512 << 10) + 1);
    let parent = session.parent(&edit("windows.txt"));
    let output = [("parent", parent.as_str()), ("text", &long)];
    let refused = session.send(&edit("windows.txt"), &output);
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("512 KiB"));
    assert!(refused.text().contains(&long), "what was typed is lost");
}

#[test]
fn nobody_is_overwritten_unawares() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&static_site("one"));
    let session = Session::of(&server, &alice.token);
    let edit = "/spaces/alice/demo/edit/main/index.html";
    let parent = session.parent(edit);
    let theirs = space.commit(&[Op::file("index.html", "theirs")]);
    let output = [
        ("parent", parent.as_str()),
        ("text", "mine & <b>"),
        ("title", "my title"),
        ("description", "my words"),
    ];
    let told = session.send(edit, &output).expect(409).text();
    for kept in ["mine &#38; &#60;b&#62;", "my title", "my words", &theirs] {
        assert!(told.contains(kept), "{kept}: {told}");
    }
    assert!(told.contains("replaces theirs"), "{told}");
    assert_eq!(raw(&space, "index.html"), b"theirs");
    let once_more = hidden(&told, "parent");
    assert_eq!(once_more, theirs);
    let output = [("parent", once_more.as_str()), ("text", "mine")];
    session.send(edit, &output).expect(303);
    assert_eq!(raw(&space, "index.html"), b"mine");

    // Where another file was changed, that is said.
    let parent = session.parent(edit);
    space.commit(&[Op::file("other", "x")]);
    let output = [("parent", parent.as_str()), ("text", "mine again")];
    let told = session.send(edit, &output).expect(409).text();
    assert!(told.contains("did not change this file"), "{told}");

    let delete = "/spaces/alice/demo/delete/main/other";
    let parent = session.parent(delete);
    space.commit(&[Op::file("other", "y")]);
    let refused = session.send(delete, &[("parent", &parent)]).expect(409);
    assert_eq!(raw(&space, "other"), b"y");
    let parent = hidden(&refused.text(), "parent");
    session.send(delete, &[("parent", &parent)]).expect(303);
    let gone = server.anonymous().get("/spaces/alice/demo/raw/main/other");
    gone.expect(404);
    let restore = format!("/spaces/alice/demo/restore/{theirs}");
    let parent = session.parent(&restore);
    space.commit(&[Op::file("other", "z")]);
    let told = session.send(&restore, &[("parent", &parent)]).expect(409);
    let parent = hidden(&told.text(), "parent");
    let done = session.send(&restore, &[("parent", &parent)]).expect(303);
    assert_eq!(
        done.header("location"),
        Some("/spaces/alice/demo/logs?which=build")
    );
    assert_eq!(raw(&space, "index.html"), b"theirs");
    for wrong in ["xyz", "main", &"0".repeat(40)] {
        let output = [("parent", wrong), ("text", "x")];
        let answer = session.send(edit, &output);
        assert!(matches!(answer.status, 400 | 404), "{wrong}: {answer:?}");
    }
}

#[test]
fn only_who_may_write_changes_files_and_only_from_our_pages() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let space = alice.create("demo");
    let first = space.commit(&static_site("one"));
    alice
        .create_with("hidden", json!({"visibility": "private"}))
        .expect(200);
    let hidden_first = alice.space("hidden").commit(&static_site("secret words"));
    let (own, other) = (
        Session::of(&server, &alice.token),
        Session::of(&server, &bob.token),
    );
    let pages = |name: &str, commit: &str| {
        [
            "edit/main/index.html",
            "new/main",
            "delete/main/index.html",
            "upload/main",
        ]
        .map(str::to_owned)
        .into_iter()
        .chain([format!("restore/{commit}")])
        .map(|page| format!("/spaces/alice/{name}/{page}"))
        .collect::<Vec<_>>()
    };
    let anybody = server.anonymous();
    let text = [
        ("parent", first.as_str()),
        ("text", "planted"),
        ("path", "planted"),
    ];
    for page in pages("demo", &first) {
        own.look(&page).expect(200);
        other.look(&page).expect(403);
        let sent = other.send(&page, &text);
        assert_eq!(sent.status, 403, "{page}: {sent:?}");
        let to = anybody.get(&page).expect(303);
        assert!(to.header("location").unwrap().starts_with("/login?next="));
    }
    for page in pages("hidden", &hidden_first) {
        own.look(&page).expect(200);
        for answer in [
            other.look(&page),
            anybody.get(&page),
            other.send(&page, &text),
        ] {
            assert_eq!(answer.status, 404, "{page}: {answer:?}");
        }
    }
    // A commit is read by who reads the files.
    for (page, status) in [
        (format!("/spaces/alice/demo/commit/{first}"), 200),
        (format!("/spaces/alice/hidden/commit/{hidden_first}"), 404),
        (format!("/spaces/alice/demo/commit/{hidden_first}"), 404),
        (format!("/spaces/alice/demo/restore/{hidden_first}"), 404),
    ] {
        let who = if page.contains("restore") {
            &own
        } else {
            &other
        };
        let answer = who.look(&page);
        assert_eq!(answer.status, status, "{page}");
        assert!(!answer.text().contains("secret words"));
    }
    let seen = other.look("/spaces/alice/demo/blob/main/index.html");
    assert!(!seen.text().contains("/edit/main/"));
    // A page of the Space's own, and one without the session's token.
    let edit = "/spaces/alice/demo/edit/main/index.html";
    let from_space = own
        .form(edit, &text)
        .header("origin", format!("http://{}", space.host()));
    from_space.send(server.address).expect(403);
    let forged = form(edit, &own.cookie, "form=x&text=planted");
    forged.send(server.address).expect(403);
    assert_eq!(raw(&space, "index.html"), b"one");
}

#[test]
fn the_right_to_be_executed_stays() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&static_site("one"));
    let address = Git::address(&server, "alice", &alice.token, "spaces/alice/demo");
    let clone = Git::clone(&server, &address, "clone");
    let folder = clone.folder.clone();
    std::fs::write(folder.join("run.sh"), "#!/bin/sh\necho 1\n").unwrap();
    std::fs::write(folder.join("bin"), b"\0\x01").unwrap();
    let script = folder.join("run.sh");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(script, mode).unwrap();
    clone.commit(&[]);
    clone.say(&["push", "origin", "HEAD:main"]);
    let session = Session::of(&server, &alice.token);
    let edit = |path: &str| format!("/spaces/alice/demo/edit/main/{path}");
    let parent = session.parent(&edit("run.sh"));
    let output = [
        ("parent", parent.as_str()),
        ("text", "#!/bin/sh\r\necho 2\r\n"),
    ];
    session.send(&edit("run.sh"), &output).expect(303);
    clone.say(&["pull", "origin", "main"]);
    let listed = clone.say(&["ls-tree", "HEAD", "run.sh"]);
    assert!(listed.starts_with("100755 "), "{listed}");
    assert_eq!(clone.read("run.sh"), b"#!/bin/sh\necho 2\n");
    let refused = session.look(&edit("bin")).expect(400);
    assert!(refused.text().contains("not UTF-8 text"), "{refused:?}");
}

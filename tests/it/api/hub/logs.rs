//! `fetch_space_logs`.

use crate::support::guests::wasi;
use crate::support::{Server, static_site};
use serde_json::json;

#[test]
fn what_a_guest_prints_is_its_run_log() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    space.visit("/print?n=5").expect(200);
    let output = server
        .python(&alice.token)
        .run(r#"say([line.rstrip("\n") for line in api.fetch_space_logs("alice/hostile")])"#);
    let lines = output.as_array().unwrap();
    for line in ["line 1", "line 5"] {
        assert!(
            lines
                .iter()
                .any(|text| text.as_str().unwrap().contains(line)),
            "{output}"
        );
    }
}

#[test]
fn a_build_says_what_it_did() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("hello");
    space.commit(&wasi("hello", ""));
    space.wait_for("RUNNING");
    let output = server
        .python(&alice.token)
        .run(r#"say("".join(api.fetch_space_logs("alice/hello", build=True)))"#);
    assert!(output.as_str().unwrap().contains("app.wasm"), "{output}");
}

#[test]
fn followers_see_lines_as_they_are_said() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.publish_hostile("");
    let output = server.python(&alice.token).run(
        r#"
        import threading, urllib.request
        found = []
        def follow():
            for line in api.fetch_space_logs("alice/hostile", follow=True):
                found.append((time.monotonic(), line.strip()))
        threading.Thread(target=follow, daemon=True).start()
        time.sleep(1)
        begin = time.monotonic()
        visit = lambda: urllib.request.urlopen(os.environ["HF_ENDPOINT"] + "/run/alice/hostile/print?n=2").read()
        visit(); time.sleep(1); visit(); time.sleep(1)
        lines = [(at - begin, line) for at, line in found if line.endswith("line 2")]
        sys.stdout.flush(); say([round(at, 1) for at, _ in lines]); sys.stdout.flush(); os._exit(0)
        "#,
    );
    let times: Vec<f64> = output
        .as_array()
        .unwrap()
        .iter()
        .map(|at| at.as_f64().unwrap())
        .collect();
    assert_eq!(times.len(), 2, "{output}");
    assert!(times[0] < 0.9 && times[1] > 0.9, "{output}");
}

#[test]
fn logs_are_for_those_who_may_write() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let space = alice.create("demo");
    space.commit(&static_site("one"));
    for kind in ["run", "build"] {
        let answer = bob.view(&space).api(&format!("/logs/{kind}"));
        assert_eq!(answer.status, 403, "{answer:?}");
    }
    let output = server
        .python(&bob.token)
        .run(r#"say(raised(lambda: list(api.fetch_space_logs("alice/demo"))) is not None)"#);
    assert_eq!(output, json!(true));
}

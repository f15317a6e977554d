//! `set_space_sleep_time`.

use crate::support::Server;
use crate::support::guests::wasi;
use serde_json::json;

#[test]
fn a_time_is_kept_and_minus_one_is_never() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create("demo");
    space.commit(&wasi("hello", ""));
    space.wait_for("RUNNING");
    let output = server.python(&alice.token).run(
        r#"
        an_hour = api.set_space_sleep_time("alice/demo", 3600)
        never = api.set_space_sleep_time("alice/demo", -1)
        wrong = raised(lambda: api.set_space_sleep_time("alice/demo", -7))
        say({"hour": an_hour.sleep_time, "never": never.sleep_time, "wrong": wrong["type"],
             "after": api.get_space_runtime("alice/demo").sleep_time})
        "#,
    );
    assert_eq!(output["hour"], 3600);
    assert_eq!(output["wrong"], "BadRequestError");
    assert_eq!(output["never"], output["after"]);
    assert!(
        matches!(output["never"].as_i64(), None | Some(-1)),
        "{output}"
    );
    assert_ne!(output["never"], json!(3600));
}

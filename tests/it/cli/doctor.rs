//! `glasshouse doctor`.

use crate::support::cli::Said;
use crate::support::server::BINARY;
use std::process::Command;

#[test]
fn it_says_what_this_host_can_do() {
    let text = Said::of(Command::new(BINARY).arg("doctor"));
    assert!(!text.stdout.is_empty(), "{text:?}");
    let json = Said::of(Command::new(BINARY).args(["doctor", "--json"]));
    let report: serde_json::Value =
        serde_json::from_str(&json.stdout).unwrap_or_else(|_| panic!("{json:?}"));
    let checks = report["checks"].as_array().unwrap();
    let bad = checks.iter().any(|check| check["verdict"] == "bad");
    assert_eq!(report["ok"], !bad, "{report}");
    assert_eq!(text.code, json.code);
}

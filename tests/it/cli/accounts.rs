//! `user add` and `token create`.

use crate::support::cli::{glasshouse, glasshouse_json};
use crate::support::{Hub, Server, static_site};

#[test]
fn a_new_users_token_stands_alone_on_stdout() {
    let server = Server::start();
    let output = glasshouse(&server, &server.admin_token(), &["user", "add", "alice"]).success();
    let token = output.stdout.trim_end();
    assert!(
        token.starts_with("hf_") && !token.contains(char::is_whitespace),
        "{output:?}"
    );
    let me = Hub::new(&server, "alice", token)
        .get("/api/whoami-v2")
        .expect(200)
        .json();
    assert_eq!(me["name"], "alice");
    let json = glasshouse_json(&server, &server.admin_token(), &["user", "add", "bob"]);
    assert_eq!(json["name"], "bob", "{json}");
    assert!(json["token"].as_str().unwrap().starts_with("hf_"));
}

#[test]
fn only_operators_add_users() {
    let server = Server::start();
    let alice = server.user("alice");
    let refused = glasshouse(&server, &alice.token, &["user", "add", "mallory"]).failure();
    assert!(
        refused.contains("403") || refused.to_lowercase().contains("operator"),
        "{refused}"
    );
    let nobody = glasshouse(&server, "", &["user", "add", "mallory"]);
    nobody.failure();
}

#[test]
fn a_further_token_works_and_only_its_hash_is_kept() {
    let server = Server::start();
    let alice = server.user("alice");
    let output = glasshouse(&server, &alice.token, &["token", "create", "laptop"]).success();
    let token = output.stdout.trim_end().to_owned();
    let me = Hub::new(&server, "alice", &token)
        .get("/api/whoami-v2")
        .expect(200)
        .json();
    assert_eq!(me["auth"]["accessToken"]["displayName"], "laptop", "{me}");
    let json = glasshouse_json(&server, &alice.token, &["token", "create", "desk"]);
    assert!(json["token"].as_str().unwrap().starts_with("hf_"), "{json}");
    for entry in std::fs::read_dir(server.data()).unwrap().flatten() {
        let content = std::fs::read(entry.path()).unwrap_or_default();
        let found = content
            .windows(token.len())
            .any(|window| window == token.as_bytes());
        assert!(!found, "in plain in {}", entry.path().display());
    }
}

#[test]
fn a_token_for_one_space_and_an_organisation_of_two() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    alice.create("demo");
    alice.create("other");
    let arguments = [
        "token",
        "create",
        "ci",
        "--for",
        "spaces/alice/demo",
        "--days",
        "30",
    ];
    let output = glasshouse(&server, &alice.token, &arguments).success();
    let robot = Hub::new(&server, "alice", output.stdout.trim());
    robot.space("demo").commit(&static_site("one"));
    let refused = robot.space("other").try_commit(None, &static_site("two"));
    assert_eq!(refused.status, 403, "{refused:?}");
    let tokens = glasshouse_json(&server, &alice.token, &["token", "ls"]);
    assert!(tokens.to_string().contains("expiresAt\":\"2"), "{tokens}");

    let admin = server.admin_token();
    glasshouse(&server, &admin, &["org", "add", "lab", "--admin", "alice"]).success();
    glasshouse(
        &server,
        &alice.token,
        &["org", "set", "lab", "bob", "write"],
    )
    .success();
    let members = glasshouse_json(&server, &bob.token, &["org", "ls", "lab"]);
    assert_eq!(members[1]["role"], "write", "{members}");
    let refused = glasshouse(&server, &bob.token, &["org", "rm", "lab", "alice"]).failure();
    assert!(refused.contains("Only admins of lab"), "{refused}");
    glasshouse(&server, &alice.token, &["org", "rm", "lab", "bob"]).success();
}

#[test]
fn an_operator_ends_what_somebody_is_signed_in_with() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    alice.create("demo");
    let admin = server.admin_token();
    let output = glasshouse(&server, &admin, &["user", "reset", "alice"]).success();
    let renewed = Hub::new(&server, "alice", output.stdout.trim());
    alice.get("/api/whoami-v2").expect(401);
    let me = renewed.get("/api/whoami-v2").expect(200).json();
    assert_eq!(me["name"], "alice");
    renewed.space("demo").commit(&static_site("hers still"));
    bob.get("/api/whoami-v2").expect(200);
    let trail = server.admin().get("/api/admin/audit").expect(200).text();
    assert!(trail.contains("account.reset"), "{trail}");

    glasshouse(&server, &bob.token, &["user", "reset", "alice"]).failure();
    renewed.get("/api/whoami-v2").expect(200);
    let nobody = glasshouse(&server, &admin, &["user", "reset", "carol"]).failure();
    assert!(nobody.contains("Account `carol` not found"), "{nobody}");
    glasshouse(&server, &admin, &["org", "add", "lab", "--admin", "alice"]).success();
    let lab = glasshouse(&server, &admin, &["user", "reset", "lab"]).failure();
    assert!(lab.contains("is an organisation"), "{lab}");
}

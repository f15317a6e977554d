//! The unmodified client with tokens that reach less far than their account.

use crate::support::{Server, static_site};
use serde_json::json;

#[test]
fn the_client_works_with_each_kind_of_token_and_sees_what_it_reaches() {
    let server = Server::start();
    let alice = server.user("alice");
    alice.create("demo").commit(&static_site("public"));
    for name in ["hidden", "listed"] {
        let private = json!({"visibility": "private"});
        alice.create_with(name, private).expect(200);
        alice.space(name).commit(&static_site("secret"));
    }
    let made = |scope: &str, grants| {
        let body = json!({"name": scope, "scope": scope, "grants": grants});
        let made = alice.post("/api/tokens", &body).expect(201).json();
        made["token"].as_str().unwrap().to_owned()
    };
    let one = json!([{"type": "space", "repo": "alice/listed"}]);
    let all = ["alice/demo", "alice/hidden", "alice/listed"];
    for (role, token, sees) in [
        ("write", alice.token.clone(), &all[..]),
        ("read", made("read", json!([])), &all),
        (
            "fineGrained",
            made("fineGrained", one),
            &["alice/demo", "alice/listed"],
        ),
    ] {
        let output = server.python(&token).run(
            r#"
            api = HfApi()
            me = api.whoami()
            def attempt(what):
                try:
                    return type(what()).__name__
                except Exception as error:
                    return f"{type(error).__name__} {error.response.status_code}"
            say({
                "name": me["name"],
                "role": me["auth"]["accessToken"]["role"],
                "spaces": sorted(space.id for space in api.list_spaces(author="alice")),
                "models": [model.id for model in api.list_models(author="alice")],
                "count": api.get_user_overview("alice").num_spaces,
                "liked": api.list_liked_repos("alice").spaces,
                "read": attempt(lambda: api.space_info("alice/listed")),
                "hidden": attempt(lambda: api.space_info("alice/hidden")),
                "write": attempt(lambda: api.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id="alice/listed", repo_type="space")),
            })
            "#,
        );
        let (hidden, write) = match role {
            "write" => ("SpaceInfo", "CommitInfo"),
            "read" => ("SpaceInfo", "HfHubHTTPError 403"),
            _ => ("RepositoryNotFoundError 404", "HfHubHTTPError 403"),
        };
        let wanted = json!({
            "name": "alice", "role": role, "spaces": sees, "models": [], "count": sees.len(), "liked": [],
            "read": "SpaceInfo", "hidden": hidden, "write": write,
        });
        assert_eq!(output, wanted, "{role}");
    }
}

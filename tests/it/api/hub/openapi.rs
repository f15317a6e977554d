//! `/api/openapi.json` can be believed: what it calls valid is taken, what is answered is as it says, and a client that was
//! made of it, and of nothing else, works.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::fuzz::schemathesis;
use crate::support::clients::cache;
use crate::support::{Request, Server, static_site};

/// What comes after the name of a repository, or of somebody, is tried on one that is there.
///
/// A valid request may still name what is not there (404), or is there already (409), or ask for what only the Hub has
/// (501). Where no schema can say more, each operation has a line with the reason.
const SETTINGS: &str = r#"
[parameters]
owner = "admin"
user = "somebody"
name = "demo"
revision = "main"

[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "501"]

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "404", "409", "501"]

# An owner, a source or a size that is not there is part of the wish, and so a bad one.
[[operations]]
include-path-regex = "/repos/(create|delete|move)$|/duplicate$|/hardware$|/volumes$|^/api/tokens$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "403", "404", "409"]

# How large a file may be is a matter of the server and of the owner's quota.
[[operations]]
include-path-regex = "/preupload/"
checks.positive_data_acceptance.expected-statuses = ["2xx", "403", "404", "413"]

# Only a Space can be protected, and the three kinds share a schema.
[[operations]]
include-path-regex = "/(models|datasets)/.*/settings$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400"]

[[operations]]
include-path-regex = "/resolve/"
parameters = { path = "folder/more.txt" }

# A page begins where the one before ended, and no pattern says where that was.
[[operations]]
include-path-regex = "/tree/"
parameters = { path = "folder" }
checks.positive_data_acceptance.expected-statuses = ["2xx", "400"]

[[operations]]
include-path-regex = "/super-squash/"
parameters = { branch = "main" }

# Whether somebody has let the program in is said by 400 (RFC 8628), and who no client is by 401 (RFC 6749).
[[operations]]
include-path-regex = "^/oauth/(token|revoke)$"
checks.positive_data_acceptance.expected-statuses = ["400", "401", "429"]

# Only what a Space was given tells it anything.
[[operations]]
include-path = "/oauth/userinfo"
checks.positive_data_acceptance.expected-statuses = ["403"]
"#;

/// What is no JSON: the client that is made takes it as it comes.
const READ_AS_BYTES: &str = r#"
post_hooks: []
content_type_overrides:
  "*/*": application/octet-stream
  application/x-ndjson: application/octet-stream
  application/x-git-upload-pack-request: application/octet-stream
  application/x-git-receive-pack-request: application/octet-stream
"#;

/// Everything that the paths lead to.
fn furnish(server: &Server) {
    let admin = server.admin();
    server.user("somebody");
    admin.publish("demo", &static_site("one"));
    for kind in ["model", "dataset"] {
        let made = json!({ "type": kind });
        admin.create_with("demo", made).expect(200);
    }
    for kind in ["models", "datasets", "spaces"] {
        let lines = [
            json!({ "key": "header", "value": { "summary": "more" } }),
            json!({ "key": "file", "value": { "path": "folder/more.txt", "encoding": "base64", "content": "bW9yZQ==" } }),
        ];
        let commit = Request::new("POST", format!("/api/{kind}/admin/demo/commit/main"))
            .header("content-type", "application/x-ndjson")
            .body(lines.map(|line| format!("{line}\n")).concat());
        admin.send(commit).expect(200);
    }
    let token = json!({ "name": "demo" });
    admin.post("/api/tokens", &token).expect(201);
    let lab = json!({ "name": "demo", "admin": "admin" });
    admin.post("/api/admin/organizations", &lab).expect(201);
}

/// A program of the environment that `tests/run` makes for documents.
fn program(name: &str) -> Command {
    let environment = cache().join("test-venv-openapi");
    assert!(
        environment.join("packages").exists(),
        "there is no {}: tests/run makes it",
        environment.display()
    );
    Command::new(environment.join("bin").join(name))
}

#[test]
fn valid_requests_are_taken_and_answers_are_as_described() {
    let server = Server::start();
    furnish(&server);
    let checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                  response_schema_conformance,positive_data_acceptance";
    let arguments = [
        "--checks",
        checks,
        "--phases",
        "examples,coverage,fuzzing",
        "--mode",
        "positive",
        "--max-examples",
        "5",
        // What is tried is the same each time: whoever looks for more takes other seeds.
        "--seed",
        "7",
    ];
    schemathesis(&server, SETTINGS, &server.admin_token(), &arguments);
}

#[test]
fn a_client_made_of_the_document_works() {
    let server = Server::start();
    furnish(&server);
    let folder = server.scratch("openapi");
    let document = folder.join("openapi.json");
    let answer = server.anonymous().get("/api/openapi.json").expect(200);
    fs::write(&document, answer.text()).unwrap();
    let sound = program("openapi-spec-validator").arg(&document).output();
    let sound = sound.unwrap();
    assert!(sound.status.success(), "{sound:?}");
    let made = program("openapi-python-client")
        .args(["generate", "--meta", "none", "--fail-on-warning"])
        .arg("--config")
        .arg({
            let settings = folder.join("settings.yaml");
            fs::write(&settings, READ_AS_BYTES).unwrap();
            settings
        })
        .arg("--path")
        .arg(&document)
        .arg("--output-path")
        .arg(folder.join("glasshouse_client"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let ran = program("python")
        .args(["-c", PROGRAM])
        .arg(server.url())
        .arg(server.admin_token())
        .current_dir(&folder)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{message}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let message: Value = serde_json::from_str(message.trim()).unwrap();
    assert_eq!(
        message,
        json!({
            "token": ["program", "read"],
            "listed": ["demo", "first-start", "program"],
            "refused": 400,
            "hours": 3,
            "created": "admin/typed",
            "stage": "NO_APP_FILE",
            "kept": "read",
            "gone": 404,
            "quota": true,
        })
    );
}

/// Every name in it is of the client that was made: nothing here knows an address, a parameter or a field by itself.
const PROGRAM: &str = r#"
import json, sys
from glasshouse_client import AuthenticatedClient
from glasshouse_client.api.account import get_quota, get_usage
from glasshouse_client.api.repos import post_repos_create
from glasshouse_client.api.spaces import get_spaces_owner_name, get_spaces_owner_name_runtime
from glasshouse_client.api.tokens import get_tokens, post_tokens
from glasshouse_client.models import CreateRequest, Error, RepoKind, Scope, TokenRequest

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2])
token = post_tokens.sync(client=client, body=TokenRequest(name="program", scope=Scope.READ))
own = AuthenticatedClient(base_url=sys.argv[1], token=token.token)
refused = get_usage.sync_detailed(client=client, hours=1_000_000)
assert isinstance(refused.parsed, Error), refused
usage = get_usage.sync(client=client, hours=3, sum_=False)
created = post_repos_create.sync(client=client, body=CreateRequest(name="typed", type_=RepoKind.SPACE))
runtime = get_spaces_owner_name_runtime.sync("admin", "typed", client=client)
gone = get_spaces_owner_name.sync_detailed("admin", "nowhere", client=client)
quota = get_quota.sync(client=client)
print(json.dumps({
    "token": [token.name, token.scope],
    "listed": sorted(one.name for one in get_tokens.sync(client=client)),
    "refused": refused.status_code,
    "hours": round((usage.to - usage.from_).total_seconds() / 3600),
    "created": created.id,
    "stage": runtime.stage,
    "kept": get_tokens.sync(client=own)[0].scope,
    "gone": gone.status_code,
    "quota": quota.quotas.additional_properties["spaces"].used >= 2,
}))
"#;

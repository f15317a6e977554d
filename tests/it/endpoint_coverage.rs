//! Every route of the API keeps out whom its table says it keeps out.

use glasshouse::api::{Access, Endpoint, endpoints};
use serde_json::json;

use crate::support::{Answer, Hub, Request, Server, static_site};

/// A request to a route about a repository of Alice's, with a body that any of them would take.
pub(crate) fn request(endpoint: &Endpoint, space: &str) -> Request {
    let path = endpoint
        .path
        .replace("{owner}/{name}", &format!("alice/{space}"))
        .replace("{revision}", "main")
        .replace("{branch}", "other")
        .replace("{repo}", &"0".repeat(32))
        .replace("{oid}", &"0".repeat(64))
        .replace("{hash}", &"0".repeat(64))
        .replace("{number}", "1")
        .replace("{store}", "0-0")
        .replace("{domain}", "default")
        .replace("{*path}", "index.html")
        .replace("{user}", "alice")
        .replace("{name}", "none")
        .replace("{*rest}", "x")
        .replace("{*topic}", "x");
    let path = if path.ends_with("info/refs") {
        path + "?service=git-upload-pack"
    } else {
        path
    };
    assert!(!path.contains('{'), "a placeholder without a value: {path}");
    let method = if endpoint.method == "*" {
        "GET"
    } else {
        endpoint.method
    };
    let request = Request::new(method, path.clone());
    match method {
        "GET" | "HEAD" => request,
        _ if path.contains("paths-info") => request
            .header("content-type", "application/x-www-form-urlencoded")
            .body("paths=index.html"),
        _ => request.json(&json!({
            "volumes": [],
            "name": "demo", "organization": "alice", "type": "space", "key": "A", "value": "b", "flavor": "cpu-nano",
            "seconds": 60, "role": "read", "files": [], "content": "", "repoType": "space", "tag": "t", "fromRepo": "alice/demo",
            "toRepo": "alice/else", "repository": "alice/copy", "operation": "download", "objects": [],
            "oid": "0".repeat(64), "size": 1,
        })),
    }
}

#[test]
fn routes_keep_out_whom_they_should() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    alice.create("demo").commit(&static_site("one"));
    alice
        .create_with("hidden", json!({"visibility": "private"}))
        .expect(200);
    alice.space("hidden").commit(&static_site("two"));
    for kind in ["model", "dataset"] {
        alice.create_with("demo", json!({"type": kind})).expect(200);
        let hidden = json!({"type": kind, "visibility": "private"});
        alice.create_with("hidden", hidden).expect(200);
    }
    let lab = json!({"name": "none", "admin": "alice"});
    server
        .admin()
        .post("/api/admin/organizations", &lab)
        .expect(201);
    let nobody = server.anonymous();
    let mut wrong = Vec::new();
    for endpoint in &endpoints() {
        let mut check = |who: &str, hub: &Hub<'_>, space: &str, expected: &[u16]| {
            let answer: Answer = hub.send(request(endpoint, space));
            let refused = matches!(answer.status, 401 | 403);
            let right = if expected.is_empty() {
                !refused
            } else {
                expected.contains(&answer.status)
            };
            if !right {
                let line = format!(
                    "{who}, {space}: {} {}: {answer:?}",
                    endpoint.method, endpoint.path
                );
                wrong.push(line);
            }
        };
        match endpoint.access {
            Access::Anyone | Access::Filtered => check("nobody", &nobody, "demo", &[]),
            Access::Account => check("nobody", &nobody, "demo", &[401]),
            Access::OrganizationAdmin => {
                check("nobody", &nobody, "demo", &[401]);
                check("bob", &bob, "demo", &[403]);
            }
            Access::Operator => {
                check("nobody", &nobody, "demo", &[401]);
                check("bob", &bob, "demo", &[403]);
            }
            Access::Visitor | Access::Reader => {
                check("nobody", &nobody, "demo", &[]);
                check("nobody", &nobody, "hidden", &[404]);
                check("bob", &bob, "hidden", &[404]);
            }
            Access::Signed => check("alice", &alice, "demo", &[403]),
            Access::Git => {
                check("nobody", &nobody, "hidden", &[401]);
                check("bob", &bob, "hidden", &[404]);
            }
            Access::Writer => {
                check("nobody", &nobody, "demo", &[401]);
                check("nobody", &nobody, "hidden", &[401]);
                check("bob", &bob, "demo", &[403]);
                check("bob", &bob, "hidden", &[404]);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

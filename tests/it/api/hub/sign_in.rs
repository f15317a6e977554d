//! `attach_huggingface_oauth` and `parse_huggingface_oauth`, unmodified, in an app that plays a Space; a program plays the
//! browser of whoever signs in.

use crate::support::Server;
use crate::web::forms::sign_in;
use crate::web::sign_in::Client;

const APP: &str = r#"
    import html, http.client, re, urllib.parse
    from fastapi import FastAPI, Request
    from fastapi.testclient import TestClient

    app = FastAPI()
    attach_huggingface_oauth(app)

    @app.get("/me")
    def me(request: Request):
        info = parse_huggingface_oauth(request)
        return None if info is None else dataclasses.asdict(info)

    origin = os.environ["ORIGIN"]
    space = TestClient(app, base_url=origin.replace("http://", "https://"), follow_redirects=False)
    hub = urllib.parse.urlsplit(os.environ["HF_ENDPOINT"]).netloc

    def browse(method, address, fields=None):
        to = urllib.parse.urlsplit(address)
        body = None if fields is None else urllib.parse.urlencode(fields)
        headers = {"cookie": os.environ["COOKIE"], "host": to.netloc, "content-type": "application/x-www-form-urlencoded"}
        connection = http.client.HTTPConnection(hub)
        connection.request(method, f"{to.path}?{to.query}", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["location"], answer.read().decode()

    before = space.get("/me").json()
    asks = space.get("/oauth/huggingface/login?_target_url=/me").headers["location"]
    status, _, page = browse("GET", asks)
    fields = {name: html.unescape(value) for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)}
    _, back, _ = browse("POST", asks.split("?")[0], fields | {"answer": "yes"})
    there = space.get(back.removeprefix(origin))
    after = space.get(there.headers["location"]).json()
    say({
        "before": before,
        "asks": asks,
        "page": status,
        "back": back,
        "target": there.headers["location"],
        "after": after,
        "who": whoami(token=after["access_token"]),
    })
"#;

#[test]
fn an_app_signs_in_by_the_hubs_own_client() {
    let server = Server::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let lab = serde_json::json!({"name": "lab", "admin": "bob"});
    server
        .admin()
        .post("/api/admin/organizations", &lab)
        .expect(201);
    let more = "hf_oauth_scopes: [read-memberships, inference-api]";
    let client = Client::publish(&alice, "demo", more);
    let (cookie, _) = sign_in(&server, &bob.token);
    let host = client.origin.trim_start_matches("http://");
    let python = server.python("").of("test-venv-oauth");
    let settings = [
        ("ORIGIN", client.origin.as_str()),
        ("COOKIE", &cookie),
        ("SPACE_ID", "alice/demo"),
        ("SPACE_HOST", host),
        ("OAUTH_CLIENT_ID", &client.id),
        ("OAUTH_CLIENT_SECRET", &client.secret),
        (
            "OAUTH_SCOPES",
            "openid profile read-memberships inference-api",
        ),
        ("OPENID_PROVIDER_URL", &server.url()),
    ];
    let python = settings
        .iter()
        .fold(python, |python, (key, value)| python.setting(key, value));
    let said = python.run(APP);
    assert!(said["before"].is_null(), "{said}");
    assert_eq!(said["page"], 200, "{said}");
    let back = said["back"].as_str().unwrap();
    assert!(
        back.starts_with(&format!(
            "{}/oauth/huggingface/callback?_target_url=",
            client.origin
        )),
        "{said}"
    );
    assert_eq!(said["target"], "/me", "{said}");
    let after = &said["after"];
    assert_eq!(after["scope"], "openid profile read-memberships", "{said}");
    let user = &after["user_info"];
    assert_eq!(user["preferred_username"], "bob", "{said}");
    assert_eq!(user["is_pro"], false, "{said}");
    assert_eq!(user["orgs"][0]["preferred_username"], "lab", "{said}");
    assert_eq!(user["orgs"][0]["role_in_org"], "admin", "{said}");
    assert_eq!(said["who"]["name"], "bob", "{said}");
    assert_eq!(said["who"]["orgs"][0]["name"], "lab", "{said}");
}

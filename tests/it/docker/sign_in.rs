//! A Space that signs people in from inside its container, which finds the house on a network of its own and no other.

mod browser;

use serde_json::{Value, json};

use crate::support::docker::app;
use crate::support::{DockerServer, Request};
use crate::web::forms::{form, sign_in};
use crate::web::sign_in::parameter;

/// What the app does with the code that a browser has brought.
const REDEEM: &str = r#"
import base64, urllib.parse, urllib.request
at = lambda url, body=None, **headers: json.load(urllib.request.urlopen(urllib.request.Request(url, body, headers)))
provider = at(os.environ["OPENID_PROVIDER_URL"] + "/.well-known/openid-configuration")
known = base64.b64encode(f"{os.environ['OAUTH_CLIENT_ID']}:{os.environ['OAUTH_CLIENT_SECRET']}".encode()).decode()
fields = {"grant_type": "authorization_code", "code": CODE, "redirect_uri": REDIRECT}
tokens = at(provider["token_endpoint"], urllib.parse.urlencode(fields).encode(), authorization=f"Basic {known}")
claims = tokens["id_token"].split(".")[1]
print(json.dumps({
    "issuer": provider["issuer"] == os.environ["OPENID_PROVIDER_URL"],
    "iss": json.loads(base64.urlsafe_b64decode(claims + "==="))["iss"] == provider["issuer"],
    "keys": len(at(provider["jwks_uri"])["keys"]),
    "user": at(provider["userinfo_endpoint"], authorization=f"Bearer {tokens['access_token']}")["preferred_username"],
}))
"#;

#[test]
fn it_finds_all_it_needs_in_its_environment() {
    let server = DockerServer::start();
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let plain = alice.publish_container("plain", &app("hello", ""));
    let names = "print(json.dumps(sorted(key for key in os.environ if key.startswith(('OAUTH_', 'OPENID_')))))";
    assert_eq!(plain.exec(names).trim(), "[]");

    let more = "hf_oauth: true\nhf_oauth_scopes: [email]";
    let space = alice.publish_container("demo", &app("hello", more));
    let names: Value = serde_json::from_str(&space.exec(names)).unwrap();
    let all = [
        "OAUTH_CLIENT_ID",
        "OAUTH_CLIENT_SECRET",
        "OAUTH_SCOPES",
        "OPENID_PROVIDER_URL",
    ];
    assert_eq!(names, json!(all));
    let scopes = space.exec("print(os.environ['OAUTH_SCOPES'])");
    assert_eq!(scopes.trim(), "openid profile email");
    let provider = "import urllib.request\nprint(urllib.request.urlopen(os.environ['OPENID_PROVIDER_URL'] + '/.well-known/openid-configuration').read().decode())";
    let provider: Value = serde_json::from_str(&space.exec(provider)).unwrap();
    // People are led to where people find the house.
    let page = provider["authorization_endpoint"].as_str().unwrap();
    let port = server.address.port();
    assert_eq!(page, format!("http://localhost:{port}/oauth/authorize"));

    let id = space.exec("print(os.environ['OAUTH_CLIENT_ID'])");
    let host = space.exec("print(os.environ['SPACE_HOST'])");
    // As Gradio has it, whatever the scheme.
    let redirect = format!("https://{}/login/callback", host.trim());
    let (cookie, carried) = sign_in(&server, &bob.token);
    let quoted = redirect.replace(':', "%3A").replace('/', "%2F");
    let body = format!(
        "form={carried}&client_id={}&redirect_uri={quoted}&response_type=code&scope=openid%20profile&answer=yes",
        id.trim()
    );
    let answer = form("/oauth/authorize", &cookie, &body).send(server.address);
    let location = answer.expect(303).header("location").unwrap().to_owned();
    assert!(
        location.starts_with(&format!("http://{}/login/callback?", host.trim())),
        "{location}"
    );
    let code = parameter(&location, "code").unwrap();
    let said = space.exec(&format!(
        "CODE = '{code}'\nREDIRECT = '{redirect}'\n{REDEEM}"
    ));
    let said: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
    let wanted = json!({"issuer": true, "iss": true, "keys": 1, "user": "bob"});
    assert_eq!(said, wanted);
    // The page for people is not on that network.
    let asks = "import urllib.request\ntry:\n    urllib.request.urlopen(os.environ['OPENID_PROVIDER_URL'] + '/oauth/authorize')\nexcept Exception as error:\n    print(error)";
    assert!(space.exec(asks).contains("404"), "{}", space.exec(asks));
    Request::get("/oauth/jwks").send(server.address).expect(200);
}

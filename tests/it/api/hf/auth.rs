//! `hf auth`.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use crate::support::cli::Said;
use crate::support::clients::Python;
use crate::support::{Answer, Request, Server};

#[test]
fn whoami_names_the_account() {
    let server = Server::start();
    let alice = server.user("alice");
    let message = server.hf(&alice.token).json(&["auth", "whoami"]);
    assert_eq!(message["user"], "alice");
    assert_eq!(message["endpoint"], server.url());
}

#[test]
fn login_keeps_a_good_token_and_refuses_a_bad_one() {
    let server = Server::start();
    let alice = server.user("alice");
    let hf = server.hf("");
    let refused = hf
        .run(&["auth", "login", "--token", "gls_nonsense"])
        .failure();
    assert!(refused.to_lowercase().contains("invalid"), "{refused}");
    hf.run(&["auth", "login", "--token", &alice.token])
        .success();
    assert_eq!(hf.json(&["auth", "whoami"])["user"], "alice");
}

#[test]
fn nobody_is_told_to_log_in() {
    let server = Server::start();
    let message = server.hf("").run(&["auth", "whoami"]).failure();
    assert!(message.to_lowercase().contains("log"), "{message}");
}

/// What follows `after` in a text, up to `until`.
fn part<'t>(text: &'t str, after: &str, until: char) -> &'t str {
    let (_, rest) = text
        .split_once(after)
        .unwrap_or_else(|| panic!("no {after} in {text}"));
    rest.split(until).next().unwrap_or_default()
}

/// A session of the browser's, as its cookie.
fn sign_in(server: &Server, token: &str) -> String {
    let form = Request::post("/login")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("token={token}"));
    let answer = form.send(server.address).expect(303);
    let cookie = answer.header("set-cookie").expect("a session");
    cookie.split(';').next().unwrap_or_default().to_owned()
}

/// `hf auth login` without a token, and the code that it shows.
fn begin(python: &Python<'_>) -> (Child, BufReader<ChildStdout>, String) {
    let mut child = python
        .command("hf")
        .args(["auth", "login"])
        .env("PYTHONUNBUFFERED", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("?code=") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "it showed no code");
    }
    let code = line.split("?code=").nth(1).unwrap_or_default().trim();
    (child, lines, code.to_owned())
}

fn answer(server: &Server, cookie: &str, code: &str, message: &str) -> Answer {
    let page = Request::get(format!("/login/device?code={code}"))
        .header("cookie", cookie)
        .send(server.address)
        .expect(200);
    let form = part(&page.text(), "name=\"form\" value=\"", '"').to_owned();
    Request::post("/login/device")
        .header("cookie", cookie)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("form={form}&code={code}&answer={message}"))
        .send(server.address)
}

#[test]
fn a_program_is_let_in_by_the_code_it_shows() {
    let server = Server::start();
    let alice = server.user("alice");
    let python = server.python("");
    let (mut hf, _lines, code) = begin(&python);
    let page = Request::get(format!("/login/device?code={code}"));
    let sent_away = page.clone().send(server.address);
    assert!(matches!(sent_away.status, 302 | 303), "{sent_away:?}");
    let cookie = sign_in(&server, &alice.token);
    let text = page.header("cookie", &cookie).send(server.address).text();
    assert!(text.contains(&code) && text.contains("alice"), "{text}");
    // A page of somebody else's does not say yes for her.
    let forged = Request::post("/login/device")
        .header("cookie", &cookie)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("code={code}&answer=yes"))
        .send(server.address);
    assert_eq!(forged.status, 403, "{forged:?}");
    let message = answer(&server, &cookie, &code.to_lowercase(), "yes").expect(200);
    assert!(message.text().contains("is signed in"), "{message:?}");
    assert!(hf.wait().unwrap().success());
    let who = Said::of(python.command("hf").args(["auth", "whoami", "--json"])).success();
    assert!(who.stdout.contains("alice"), "{who:?}");
    // It is a token like others, and the code is used up.
    let tokens = alice.get("/api/tokens").expect(200).text();
    assert!(tokens.contains(&format!("signed in by {code}")), "{tokens}");
    let again = Request::get(format!("/login/device?code={code}")).header("cookie", &cookie);
    assert!(
        again
            .send(server.address)
            .text()
            .contains("No program is waiting")
    );
}

#[test]
fn a_program_is_turned_away_and_asks_no_more() {
    let server = Server::start();
    let alice = server.user("alice");
    let python = server.python("");
    let (hf, _lines, code) = begin(&python);
    let cookie = sign_in(&server, &alice.token);
    answer(&server, &cookie, &code, "no").expect(200);
    let output = hf.wait_with_output().unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(message.contains("denied"), "{message}");
    let ask = |device: &str| {
        Request::post("/oauth/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!(
                "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code={device}"
            ))
            .send(server.address)
    };
    assert_eq!(ask("made-up").expect(400).json()["error"], "expired_token");
    let codes = Request::post("/oauth/device")
        .send(server.address)
        .expect(200)
        .json();
    let device = codes["device_code"].as_str().unwrap();
    assert_eq!(ask(device).json()["error"], "authorization_pending");
    assert_eq!(ask(device).json()["error"], "slow_down");
}

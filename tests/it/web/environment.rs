//! Variables and secrets by forms: values of many lines, and whole `.env` files.

use std::time::Duration;

use super::session::Session;
use crate::support::{Answer, Server, eventually};

const KEY: &str =
    "-----BEGIN PRIVATE KEY-----\nMIIE+/=\n\ttab and  spaces \n-----END PRIVATE KEY-----\n";

/// A form with files, as browsers send it.
fn import(session: &Session<'_>, fields: &[(&str, &str)]) -> Answer {
    let mut body = String::new();
    for (name, value) in [&[("form", session.carried.as_str())], fields].concat() {
        let file = if name == "file" {
            "; filename=\".env\""
        } else {
            ""
        };
        body += &format!(
            "--cut\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n"
        );
    }
    body += "--cut--\r\n";
    let request = session
        .post("/spaces/alice/hostile/settings/import")
        .header("content-type", "multipart/form-data; boundary=cut");
    request.body(body).send(session.server.address)
}

#[test]
fn values_of_many_lines_reach_the_guest_as_they_were_typed() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let session = Session::of(&server, &alice.token);
    let settings = "/spaces/alice/hostile/settings";
    for (what, name) in [("secret", "KEY"), ("variable", "JSON")] {
        let value = KEY.replace('\n', "\r\n");
        let output = [("do", what), ("key", name), ("value", &value)];
        session.send(settings, &output).expect(303);
    }
    let stored = space.api("/variables").expect(200).json();
    assert_eq!(stored["JSON"]["value"], KEY);
    let seen = eventually(Duration::from_secs(20), "both are there", || {
        let text = space.visit("/env").text();
        (text.contains("KEY=") && text.contains("JSON=")).then_some(text)
    });
    assert!(seen.contains(&format!("KEY={KEY}")), "{seen}");
    let page = session.look(settings).expect(200).text();
    // The variable's value is shown; nothing of the secret's is.
    assert_eq!(page.matches("BEGIN PRIVATE KEY").count(), 1, "{page}");
    assert!(!server.log().contains("MIIE"));
}

#[test]
fn a_file_is_set_whole_or_not_at_all() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let session = Session::of(&server, &alice.token);
    let names = |what: &str| {
        let listed = space.api(what).expect(200).json();
        let names = listed.as_object().unwrap().keys().cloned();
        names.collect::<Vec<_>>()
    };
    for (text, why) in [
        (
            "A=1\nhunter2 is the password",
            "Line 2: the line has no `=`",
        ),
        ("A=1\nB=\"x\n", "Line 2: the quote"),
        ("A=1\nA=2", "Line 2: A is already set on line 1"),
        ("A=1\nB=x\0y", "Line 2: The value of B contains a NUL"),
        ("# nothing", "not contain a line"),
        ("", "Paste"),
    ] {
        let refused = import(&session, &[("text", text), ("as", "secrets")]);
        assert_eq!(refused.status, 400, "{text}: {refused:?}");
        let page = refused.text();
        assert!(page.contains(why), "{text}: {page}");
        assert!(!page.contains("hunter2"), "{page}");
    }
    let both = import(&session, &[("text", "A=1"), ("file", "B=1")]);
    assert_eq!(both.status, 400);
    let unknown = import(&session, &[("text", "A=1"), ("others", "B")]);
    assert!(unknown.text().contains("does not set B"), "{unknown:?}");
    let many: String = (0..150).map(|index| format!("N{index}=x\n")).collect();
    for (kind, count) in [("secrets", 150), ("secrets", 9000), ("variables", 150)] {
        let text = match count {
            150 => many.clone(),
            count => (0..count).map(|index| format!("N{index}=x\n")).collect(),
        };
        let refused = import(&session, &[("text", &text), ("as", kind)]);
        assert!(refused.text().contains("at most 100"), "{refused:?}");
    }
    assert_eq!((names("/secrets"), names("/variables")), (vec![], vec![]));

    let file = format!("export TOKEN='hf_#1' # mine\r\nMODEL=gpt2\r\nPEM=\"{KEY}\"\r\n");
    let output = [
        ("text", ""),
        ("file", file.as_str()),
        ("as", "secrets"),
        ("others", "MODEL, "),
    ];
    let done = import(&session, &output).expect(303);
    assert!(done.header("location").unwrap().ends_with("#import"));
    assert_eq!(names("/secrets"), ["PEM", "TOKEN"]);
    assert_eq!(names("/variables"), ["MODEL"]);
    let seen = eventually(Duration::from_secs(20), "all are there", || {
        let text = space.visit("/env").text();
        text.contains("PEM=").then_some(text)
    });
    for line in ["TOKEN=hf_#1\n", "MODEL=gpt2\n", &format!("PEM={KEY}")] {
        assert!(seen.contains(line), "{line}: {seen}");
    }
    // A name is a variable's or a secret's, whichever it was set as last.
    import(&session, &[("text", "TOKEN=open\n"), ("as", "variables")]).expect(303);
    assert_eq!(names("/secrets"), ["PEM"]);
    assert_eq!(names("/variables"), ["MODEL", "TOKEN"]);

    let bob = Session::of(&server, &server.user("bob").token);
    assert_eq!(import(&bob, &[("text", "A=1")]).status, 403);
    let forged = Session {
        carried: "x".to_owned(),
        ..Session::of(&server, &alice.token)
    };
    assert_eq!(import(&forged, &[("text", "A=1")]).status, 403);
    assert!(!server.log().contains("hf_#1"));
}

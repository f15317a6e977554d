//! What of a visitor's request a guest is given.

use crate::support::{Request, Server};

#[test]
fn our_tokens_and_cookies_and_the_connections_headers_stay_out() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let request = space
        .request("GET", "/headers")
        .header("authorization", format!("Bearer {}", alice.token))
        .header("x-hf-authorization", format!("Bearer {}", alice.token))
        .header(
            "cookie",
            "theirs=kept; glasshouse_session=stolen; glasshouse-ticket=stolen",
        )
        .header("connection", "close, x-private-hop")
        .header("x-private-hop", "hop")
        .header("keep-alive", "timeout=5")
        .header("te", "trailers")
        .header("proxy-authorization", "Basic stolen")
        .header("proxy-connection", "keep-alive")
        .header("trailer", "x")
        .header("x-forwarded-for", "6.6.6.6")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "https")
        .header("forwarded", "for=6.6.6.6")
        .header("x-real-ip", "6.6.6.6")
        .header("x-of-their-own", "kept");
    let text = space.send(&request).expect(200).text().to_lowercase();
    for word in [
        &*alice.token.to_lowercase(),
        "stolen",
        "x-private-hop",
        "keep-alive",
        "proxy-",
        "6.6.6.6",
        "evil.example",
        "te:",
        "trailer:",
    ] {
        assert!(!text.contains(word), "{word} reached the guest:\n{text}");
    }
    for word in [
        "x-of-their-own: kept",
        "theirs=kept",
        "x-forwarded-for: 127.0.0.1",
        &format!("x-forwarded-host: {}", space.host()),
        "x-forwarded-proto: http\n",
    ] {
        assert!(
            text.contains(word),
            "{word} did not reach the guest:\n{text}"
        );
    }
}

#[test]
fn credentials_that_are_not_ours_are_the_guests_business() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    for theirs in ["Basic dXNlcjpwYXNz", "Bearer sk-theirs"] {
        let request = space
            .request("GET", "/headers")
            .header("authorization", theirs);
        let text = space.send(&request).expect(200).text();
        assert!(text.contains(&format!("authorization: {theirs}")), "{text}");
    }
}

#[test]
fn tokens_in_the_query_stay_out_of_the_servers_log() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    space
        .visit(&format!("/headers?token={}", alice.token))
        .expect(200);
    alice.get("/api/whoami-v2").expect(200);
    assert!(!server.log().contains(&alice.token), "a token was logged");
}

#[test]
fn a_guests_own_headers_arrive() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let many = space.visit("/many-headers?n=50").expect_whole(200);
    assert_eq!(many.header("x-many-50"), Some("value 50"));
    assert_eq!(many.text(), "ok\n");
}

#[test]
fn requests_that_could_mean_two_things_are_refused() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish_hostile("");
    let ambiguous = [
        space
            .request("POST", "/echo")
            .header("content-length", "3")
            .header("transfer-encoding", "chunked"),
        space
            .request("POST", "/echo")
            .header("content-length", "3")
            .header("content-length", "5"),
        space
            .request("POST", "/echo")
            .header("content-length", "+3"),
    ];
    for request in ambiguous {
        let text =
            request.head(server.address, None) + "0\r\n\r\nGET /admin HTTP/1.1\r\nhost: x\r\n\r\n";
        let answers = raw(&server, &text);
        let second = answers.matches("HTTP/1.1 ").count() > 1 && answers.contains(" 200 ");
        assert!(!second, "{text}\n--\n{answers}");
    }
    let big = Request::get("/").header("x-big", "x".repeat(200_000));
    let answer = big.send(server.address);
    assert!(matches!(answer.status, 400 | 431), "{answer:?}");
}

fn raw(server: &Server, text: &str) -> String {
    use std::io::{Read, Write};
    let mut socket = std::net::TcpStream::connect(server.address).unwrap();
    socket
        .set_read_timeout(Some(std::time::Duration::from_secs(5)))
        .unwrap();
    socket.write_all(text.as_bytes()).unwrap();
    let mut answers = Vec::new();
    let _ = socket.read_to_end(&mut answers);
    String::from_utf8_lossy(&answers).into_owned()
}

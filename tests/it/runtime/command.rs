//! Core WASI commands, run once per request as CGI (RFC 3875).

use crate::support::guests::{command, wasi, wasm, wat};
use crate::support::http::Stream;
use crate::support::{Hub, Server, Space};
use std::io::Write;
use std::net::{Shutdown, TcpStream};

fn publish<'a>(alice: &Hub<'a>) -> Space<'a> {
    let space = alice.create_on("cgi", "cpu-basic");
    space.commit(&wasi("command", "request_timeout: 3s"));
    space.wait_for("RUNNING");
    space
}

#[test]
fn it_is_told_what_was_asked() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = publish(&alice);
    let request = space
        .request("POST", "/env?q=a%20b&c")
        .header("content-type", "text/x-note")
        .header("x-of-their-own", "kept")
        .header("proxy", "http://evil.example/")
        .header("authorization", format!("Bearer {}", alice.token))
        .body("12345");
    let text = space.send(&request).expect(200).text();
    for line in [
        "GATEWAY_INTERFACE=CGI/1.1",
        "REQUEST_METHOD=POST",
        "PATH_INFO=/env",
        "QUERY_STRING=q=a%20b&c",
        "CONTENT_LENGTH=5",
        "CONTENT_TYPE=text/x-note",
        "SERVER_PROTOCOL=HTTP/1.1",
        "REMOTE_ADDR=127.0.0.1",
        "HTTP_X_OF_THEIR_OWN=kept",
        "SCRIPT_NAME=",
        "SPACE_ID=alice/cgi",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    assert!(
        text.contains("SERVER_NAME=")
            && text.contains("SERVER_PORT=")
            && text.contains("SERVER_SOFTWARE="),
        "{text}"
    );
    for word in [
        "HTTP_PROXY=",
        &alice.token,
        "HTTP_CONTENT_LENGTH",
        "HTTP_CONTENT_TYPE",
    ] {
        assert!(!text.contains(word), "{word} in\n{text}");
    }
}

#[test]
fn it_answers_in_cgi() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = publish(&alice);
    let root = space.visit("/").expect_whole(200);
    assert_eq!(root.text(), "hello from a command\n");
    assert_eq!(root.header("content-type"), Some("text/plain"));
    assert_eq!(
        space.visit("/status").expect(418).text(),
        "short and stout\n"
    );
    let elsewhere = space.visit("/location");
    assert_eq!(elsewhere.status, 302);
    assert_eq!(elsewhere.header("location"), Some("/elsewhere"));
    assert_eq!(space.visit("/unknown").status, 404);
    let body: Vec<u8> = (0..500_000_u32).map(|n| n as u8).collect();
    let echo = space.send(
        &space
            .request("POST", "/echo")
            .header("content-type", "x/y")
            .body(body.clone()),
    );
    let echo = echo.expect_whole(200);
    assert_eq!(echo.header("content-type"), Some("x/y"));
    assert!(echo.body == body);
}

#[test]
fn it_fails_in_words() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = publish(&alice);
    for target in ["/exit3", "/no-head"] {
        let answer = space.visit(target);
        assert_eq!(answer.status, 502, "{target}: {answer:?}");
        assert!(!answer.body.is_empty());
    }
    space.visit("/spin").expect(504);
    let log = space.log("run").join("\n");
    assert!(log.contains('3'), "the exit code is in the log: {log}");
    space.visit("/print").expect(200);
    assert!(
        space
            .log("run")
            .iter()
            .any(|line| line == "a line for the log")
    );
    space.wait_for_no_memory();
}

#[test]
fn an_endless_one_ends_when_its_reader_leaves() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create_on("cgi", "cpu-basic");
    space.commit(&wasi("command", "request_timeout: 5m"));
    space.wait_for("RUNNING");
    let mut stream = space.open("/endless");
    assert_eq!(stream.status, 200);
    assert!(stream.piece().unwrap().is_some());
    drop(stream);
    space.wait_for_no_memory();
}

#[test]
fn an_upload_that_breaks_off_is_not_taken_for_a_whole_one() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.create_on("reader", "cpu-basic");
    // Reads its input to the end, and says whether that was an error.
    let module = wat(r#"(module
        (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 16) "Content-Type: text/plain\0a\0awhole!!")
        (data (i32.const 64) "Content-Type: text/plain\0a\0acut off")
        (func (export "_start") (local $error i32)
            (loop $again
                (i32.store (i32.const 0) (i32.const 1024))
                (i32.store (i32.const 4) (i32.const 512))
                (local.set $error (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
                (br_if $again (i32.and (i32.eqz (local.get $error)) (i32.ne (i32.load (i32.const 8)) (i32.const 0)))))
            (i32.store (i32.const 0) (select (i32.const 64) (i32.const 16) (local.get $error)))
            (i32.store (i32.const 4) (i32.const 33))
            (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#);
    space.commit(&wasm(module, ""));
    space.wait_for("RUNNING");
    let request = space.request("POST", "/");
    let answer = space.send(&request.clone().body("x".repeat(2000)));
    assert_eq!(answer.expect(200).text(), "whole!!");
    let mut socket = TcpStream::connect(server.address).unwrap();
    let head = request.head(server.address, Some(200_000));
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all(&[b'x'; 100_000]).unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    let answer = Stream::read_head(socket, false).unwrap().finish();
    assert_eq!(answer.expect(200).text(), "cut off");
}

#[test]
fn small_misfits_are_502s() {
    let server = Server::start();
    let alice = server.user("alice");
    let bodies: &[(&str, &str)] = &[
        // Nothing at all; then a head that never ends; a bad status; recursion; an exit in the midst of the head.
        ("", ""),
        (
            "X-Endless: yes\\0a",
            "(loop $again (call $say (i32.const 15)) (br $again))",
        ),
        ("Status: 7\\0a\\0a", "(call $say (i32.const 11))"),
        (
            "Status: 200\\0aX-A: b",
            "(call $say (i32.const 16)) (call $proc_exit (i32.const 0))",
        ),
        ("Bad Header\\0a\\0a", "(call $say (i32.const 12))"),
        ("x", "(call 3)"),
    ];
    for (n, (data, body)) in bodies.iter().enumerate() {
        let space = alice.create_on(&format!("misfit{n}"), "cpu-basic");
        space.commit(&wasm(command(data, body), "request_timeout: 30s"));
        space.wait_for("RUNNING");
        let answer = space.visit("/");
        assert_eq!(answer.status, 502, "{data:?} {body}: {answer:?}");
        space.wait_for_no_memory();
    }
}

#[test]
fn a_head_may_say_much_but_not_speak_for_the_connection() {
    let server = Server::start();
    let alice = server.user("alice");
    let head = "Content-Type: text/plain\\0aTransfer-Encoding: chunked\\0aContent-Length: 99\\0aConnection: upgrade\\0a\\0ahi";
    let length = "Content-Type: text/plain\nTransfer-Encoding: chunked\nContent-Length: 99\nConnection: upgrade\n\nhi".len();
    let space = alice.create("liar");
    space.commit(&wasm(
        command(head, &format!("(call $say (i32.const {length}))")),
        "",
    ));
    space.wait_for("RUNNING");
    // It is refused, breaks off, or is passed on without what it says of the connection: never as a whole answer of a
    // length that is not its own.
    if let Ok(stream) = space.request("GET", "/").open(server.address) {
        let answer = stream.finish();
        let honest = answer.whole && answer.text() == "hi";
        assert!(
            answer.status == 502 || !answer.whole || honest,
            "{answer:?}"
        );
        assert_ne!(answer.header("connection"), Some("upgrade"));
    }
    server.anonymous().get("/healthz").expect(200);
}

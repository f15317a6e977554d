//! A real Streamlit app, which speaks over a WebSocket.

use crate::support::{DockerServer, Space, eventually};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// A session as a browser has it (RFC 6455).
struct Session(TcpStream);

impl Session {
    fn open(space: &Space<'_>) -> Self {
        let mut socket = TcpStream::connect(space.hub.server.address).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let host = space.host();
        let head = format!(
            "GET /_stcore/stream HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: streamlit\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        // What the example of RFC 6455, section 1.3, is answered.
        assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
        Self(socket)
    }

    /// A binary frame, with a mask of zeros.
    fn send(&mut self, message: &[u8]) {
        let mut frame = vec![
            0x82,
            0x80 | u8::try_from(message.len()).unwrap(),
            0,
            0,
            0,
            0,
        ];
        frame.extend(message);
        self.0.write_all(&frame).unwrap();
    }

    fn receive(&mut self) -> Vec<u8> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).unwrap();
        let length = match head[1] & 0x7f {
            126 => {
                let mut length = [0; 2];
                self.0.read_exact(&mut length).unwrap();
                usize::from(u16::from_be_bytes(length))
            }
            127 => {
                let mut length = [0; 8];
                self.0.read_exact(&mut length).unwrap();
                usize::try_from(u64::from_be_bytes(length)).unwrap()
            }
            short => usize::from(short),
        };
        let mut message = vec![0; length];
        self.0.read_exact(&mut message).unwrap();
        message
    }

    /// Asks for the page, and reads until all of these are in it.
    fn page_with(&mut self, texts: &[&str]) {
        // `BackMsg { rerun_script: ClientState {} }` in Streamlit's protocol: field 11, empty.
        self.send(&[0x5a, 0]);
        let begin = Instant::now();
        let mut page = String::new();
        while !texts.iter().all(|text| page.contains(text)) {
            assert!(
                begin.elapsed() < Duration::from_secs(60),
                "only {} bytes",
                page.len()
            );
            page += &String::from_utf8_lossy(&self.receive());
        }
    }
}

#[test]
fn it_draws_its_page_over_a_websocket_across_a_sleep() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/descent");
    server
        .hf(&alice.token)
        .run(&[
            "upload",
            "alice/descent",
            example.to_str().unwrap(),
            ".",
            "--type",
            "space",
        ])
        .success();
    let space = alice.space("descent");
    assert_eq!(
        space.settles(),
        "RUNNING",
        "{:#}\n{}",
        space.runtime(),
        space.log("build").join("\n")
    );
    for _ in 0..2 {
        let page = space.visit("/").expect_whole(200).text();
        assert!(page.contains("Streamlit"), "{page}");
        assert_eq!(space.visit("/_stcore/health").expect(200).text(), "ok");
        Session::open(&space).page_with(&[
            "Three optimisers start at the same place",
            "Eggbox",
            "Momentum",
        ]);
        space.post("/sleeptime", &json!({"seconds": 1})).expect(200);
        eventually(Duration::from_secs(60), "it sleeps", || {
            (space.stage() == "SLEEPING").then_some(())
        });
    }
}

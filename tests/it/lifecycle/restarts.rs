//! A planned restart is no outage.

use crate::support::guests::wasi;
use crate::support::{Op, Request, Server, cli, static_site};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Ends the load, also when the work panics.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Visits a static and a WASI Space, on new connections and on kept ones, while `work` goes on. How many answers there
/// were; all of them are as they should be.
fn under_load(address: SocketAddr, labels: [String; 2], work: impl FnOnce()) -> usize {
    let hosts = labels.map(|label| format!("{label}.localhost:{}", address.port()));
    let (over, answers) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for host in &hosts {
            for keeps in [false, true] {
                let (over, answers) = (&over, &answers);
                scope.spawn(move || {
                    let mut kept = None;
                    while !over.load(Ordering::Relaxed) {
                        let status = visit(address, host, keeps, &mut kept);
                        assert_eq!(status.unwrap(), "HTTP/1.1 200 OK", "{host}");
                        answers.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(Duration::from_millis(20));
                    }
                });
            }
        }
        let _over = Over(&over);
        work();
    });
    answers.into_inner()
}

/// One visit as a client of HTTP/1.1 does it; the status line. A kept connection is used until the server says `close`.
fn visit(
    address: SocketAddr,
    host: &str,
    keeps: bool,
    kept: &mut Option<BufReader<TcpStream>>,
) -> std::io::Result<String> {
    let mut stream = match kept.take() {
        Some(stream) => stream,
        None => BufReader::new(TcpStream::connect(address)?),
    };
    stream
        .get_ref()
        .set_read_timeout(Some(Duration::from_secs(60)))?;
    let connection = if keeps { "keep-alive" } else { "close" };
    write!(
        stream.get_mut(),
        "GET /echo HTTP/1.1\r\nhost: {host}\r\nconnection: {connection}\r\n\r\n"
    )?;
    let (mut status, mut length, mut close) = (String::new(), None, !keeps);
    stream.read_line(&mut status)?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        close |= line == "connection: close";
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse::<usize>().ok();
        }
    }
    match length {
        Some(length) => stream.read_exact(&mut vec![0; length])?,
        None => read_chunks(&mut stream)?,
    }
    if !close {
        *kept = Some(stream);
    }
    Ok(status.trim_end().to_owned())
}

fn read_chunks(stream: &mut BufReader<TcpStream>) -> std::io::Result<()> {
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim_end(), 16).map_err(std::io::Error::other)?;
        stream.read_exact(&mut vec![0; size + 2])?;
        if size == 0 {
            return Ok(());
        }
    }
}

/// Two Spaces that answer at `/echo`.
fn publish(server: &Server) -> [String; 2] {
    let alice = server.user("alice");
    let mut files = static_site("here");
    files.push(Op::file("echo", "echo"));
    let site = alice.publish("site", &files);
    let guest = alice.publish_hostile("");
    [&site, &guest].map(|space| space.id.replace('/', "-"))
}

#[test]
fn a_new_program_takes_the_place_of_the_old_one_and_nobody_notices() {
    let server = Server::start();
    let hosts = publish(&server);
    let process = server.process();
    let data = server.data();
    let data = data.to_str().unwrap();
    let answers = under_load(server.address, hosts, || {
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(300));
            cli::glasshouse(&server, "", &["upgrade", "--data", data]).success();
        }
    });
    assert!(answers > 50, "{answers}");
    assert_eq!(server.process(), process);
    assert_eq!(
        server
            .printed()
            .iter()
            .filter(|line| line.starts_with("listening on"))
            .count(),
        5
    );
}

/// Started as systemd starts what a socket unit is for.
struct Activated(Child);

impl Activated {
    fn start(socket: &TcpListener, data: &std::path::Path) -> Self {
        let script = "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=glasshouse.socket \
                      exec \"$0\" serve --data \"$1\"";
        let child = Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_glasshouse")])
            .arg(data)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(OwnedFd::from(socket.try_clone().unwrap()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn stop(mut self) {
        signal(self.0.id());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(process: u32) {
    let id = process.to_string();
    assert!(Command::new("kill").arg(id).status().unwrap().success());
}

#[test]
fn a_socket_of_systemd_holds_visitors_while_the_server_restarts() {
    let mut server = Server::start();
    let hosts = publish(&server);
    assert_eq!(server.stop(), Some(0));
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let data = server.data();
    let mut activated = Some(Activated::start(&socket, &data));
    // It is there once it answers, and not refused before.
    Request::get("/healthz").send(address).expect(200);
    let answers = under_load(address, hosts, || {
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(300));
            if let Some(before) = activated.take() {
                before.stop();
            }
            activated = Some(Activated::start(&socket, &data));
            Request::get("/healthz").send(address).expect(200);
        }
    });
    assert!(answers > 30, "{answers}");
}

#[test]
fn followers_of_logs_keep_no_server_from_stopping() {
    let mut server = Server::start();
    let token = {
        let alice = server.user("alice");
        alice.publish("site", &static_site("here"));
        alice.token.clone()
    };
    let follower = Request::get("/api/spaces/alice/site/logs/build")
        .bearer(&token)
        .open(server.address)
        .unwrap();
    let address = server.address;
    std::thread::sleep(Duration::from_millis(500));
    let began = Instant::now();
    assert_eq!(server.stop(), Some(0));
    assert!(
        began.elapsed() < Duration::from_secs(6),
        "{:?}",
        began.elapsed()
    );
    assert!(follower.finish().whole);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_second_signal_hastens_the_first() {
    let mut server = Server::with(&[("SERVER__DRAIN_TIMEOUT", "60s")]);
    let visit = {
        let alice = server.user("alice");
        let space = alice.create_on("hostile", "cpu-basic");
        space.commit(&wasi("hostile", "request_timeout: 60s"));
        space.wait_for("RUNNING");
        space.request("GET", "/stream?n=100&ms=500")
    };
    let stream = visit.open(server.address).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    signal(server.process());
    std::thread::sleep(Duration::from_millis(1500));
    let began = Instant::now();
    assert_eq!(server.stop(), Some(0));
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
    assert!(!stream.finish().whole);
}

//! A Docker engine that misbehaves as it is told: between the server and the real one, on a socket of its own.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What it does with a request instead of passing it on.
#[derive(Debug, Clone)]
pub enum Instead {
    /// Answers that, as the engine words its errors.
    Answer(u16, &'static str),
    /// Takes it and says nothing, for as long as the connection lasts.
    Hang,
    /// Closes the connection.
    Close,
}

/// Requests of that method whose path contains that text, so many times.
#[derive(Debug)]
struct Rule {
    method: &'static str,
    path: &'static str,
    times: usize,
    instead: Instead,
}

/// It listens until it is dropped.
pub struct FakeEngine {
    path: PathBuf,
    rules: Arc<Mutex<Vec<Rule>>>,
    open: Arc<Mutex<Vec<UnixStream>>>,
}

const REAL: &str = "/var/run/docker.sock";

// === impl FakeEngine ===

impl FakeEngine {
    /// Passes everything on, until it is told otherwise.
    pub fn listen(folder: &Path) -> Self {
        let engine = Self {
            path: folder.join("engine.sock"),
            rules: Arc::default(),
            open: Arc::default(),
        };
        engine.come();
        engine
    }

    /// As the setting wants it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// From now on, `times` times.
    pub fn does(&self, method: &'static str, path: &'static str, times: usize, instead: Instead) {
        self.rules.lock().unwrap().push(Rule {
            method,
            path,
            times,
            instead,
        });
    }

    /// No more of that.
    pub fn behaves(&self) {
        self.rules.lock().unwrap().clear();
    }

    /// Every connection breaks, as when the engine is restarted.
    pub fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Nobody answers any more.
    pub fn go(&self) {
        std::fs::remove_file(&self.path).unwrap();
        self.cut();
    }

    /// Somebody does again.
    pub fn come(&self) {
        let listener = UnixListener::bind(&self.path).unwrap();
        let (rules, open) = (Arc::clone(&self.rules), Arc::clone(&self.open));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (rules, open) = (Arc::clone(&rules), Arc::clone(&open));
                std::thread::spawn(move || serve(client, &rules, &open));
            }
        });
    }
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        self.cut();
    }
}

/// One request; the answer says that the connection ends with it.
fn serve(mut client: UnixStream, rules: &Mutex<Vec<Rule>>, open: &Mutex<Vec<UnixStream>>) {
    open.lock().unwrap().push(client.try_clone().unwrap());
    let Some((head, rest)) = read_head(&mut client) else {
        return;
    };
    let line = head.lines().next().unwrap_or_default().to_owned();
    match instead(rules, &line) {
        Some(Instead::Close) => {
            // Another handle on it is kept to be cut.
            let _ = client.shutdown(Shutdown::Both);
            return;
        }
        Some(Instead::Hang) => {
            let _ = client.read_to_end(&mut Vec::new());
            return;
        }
        Some(Instead::Answer(status, message)) => {
            let body = serde_json::json!({ "message": message }).to_string();
            let answer = format!(
                "HTTP/1.1 {status} Told\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = client.write_all(answer.as_bytes());
            // What is left of the request is read, or the answer would be lost.
            let _ = client.shutdown(Shutdown::Write);
            let _ = client.set_read_timeout(Some(Duration::from_secs(5)));
            let _ = client.read_to_end(&mut Vec::new());
            return;
        }
        None => {}
    }
    let Ok(mut real) = UnixStream::connect(REAL) else {
        return;
    };
    open.lock().unwrap().push(real.try_clone().unwrap());
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    if real
        .write_all(head.as_bytes())
        .and_then(|()| real.write_all(&rest))
        .is_err()
    {
        return;
    }
    let (mut from_client, mut to_real) = (client.try_clone().unwrap(), real.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_real);
        let _ = to_real.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut real, &mut client);
    let _ = client.shutdown(Shutdown::Both);
}

fn instead(rules: &Mutex<Vec<Rule>>, line: &str) -> Option<Instead> {
    let mut rules = rules.lock().unwrap();
    let rule = rules
        .iter_mut()
        .find(|rule| rule.times > 0 && line.starts_with(rule.method) && line.contains(rule.path))?;
    rule.times -= 1;
    Some(rule.instead.clone())
}

fn read_head(client: &mut UnixStream) -> Option<(String, Vec<u8>)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 8192]);
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Some((String::from_utf8(bytes).ok()?, rest));
        }
        match client.read(&mut buffer) {
            Ok(length @ 1..) => bytes.extend(&buffer[..length]),
            _ => return None,
        }
    }
}

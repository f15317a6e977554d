//! A plain HTTP/1.1 client over a socket: it sends exactly what a test says, also what no honest client would.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long a silent server is waited for.
const SILENCE: Duration = Duration::from_secs(60);

/// A request as it will be written: no normalising, no header that the test did not ask for but `Host`, `Connection`
/// and the framing of a body.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A response read to its end.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the body ended as its framing promised; false when the connection broke off.
    pub whole: bool,
}

/// A response whose body is still arriving.
pub struct Stream {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    reader: BufReader<TcpStream>,
    framing: Framing,
}

#[derive(Debug, Clone, Copy)]
enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
    Done,
}

// === impl Request ===

impl Request {
    pub fn new(method: &str, target: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    pub fn post(target: impl Into<String>) -> Self {
        Self::new("POST", target)
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(body.to_string())
    }

    /// The bytes up to the blank line, for a body of `length` bytes.
    pub fn head(&self, address: SocketAddr, length: Option<usize>) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let has = |name: &str| {
            self.headers
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        if !has("host") {
            head += &format!("host: {address}\r\n");
        }
        if !has("connection") {
            head += "connection: close\r\n";
        }
        if let Some(length) = length {
            head += &format!("content-length: {length}\r\n");
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head + "\r\n"
    }

    /// Sends it and reads the head of the response.
    pub fn open(&self, address: SocketAddr) -> io::Result<Stream> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(SILENCE))?;
        socket.set_write_timeout(Some(SILENCE))?;
        let wants_body = !self.body.is_empty() || !matches!(&*self.method, "GET" | "HEAD");
        let framed = self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("transfer-encoding"));
        let length = (wants_body && !framed).then_some(self.body.len());
        socket.write_all(self.head(address, length).as_bytes())?;
        // A server may answer and close before it has read everything; its answer still counts.
        if let Err(error) = socket.write_all(&self.body)
            && !matches!(
                error.kind(),
                io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
            )
        {
            return Err(error);
        }
        Stream::read_head(socket, self.method == "HEAD")
    }

    /// Sends it and reads the whole response.
    #[track_caller]
    pub fn send(&self, address: SocketAddr) -> Answer {
        match self.open(address) {
            Ok(stream) => stream.finish(),
            Err(error) => panic!("{} {}: {error}", self.method, self.target),
        }
    }
}

// === impl Stream ===

impl Stream {
    /// Reads a response's head from a socket on which a request was written.
    pub fn read_head(socket: TcpStream, head_only: bool) -> io::Result<Self> {
        let mut reader = BufReader::new(socket);
        let (mut status, mut headers) = read_head(&mut reader)?;
        while status == 100 {
            (status, headers) = read_head(&mut reader)?;
        }
        let find = |name: &str| {
            headers
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
        };
        let framing = if head_only || matches!(status, 204 | 304) {
            Framing::Done
        } else if find("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
            Framing::Chunked
        } else if let Some(length) = find("content-length") {
            Framing::Length(length.parse().map_err(io::Error::other)?)
        } else {
            Framing::UntilClose
        };
        Ok(Self {
            status,
            headers,
            reader,
            framing,
        })
    }

    /// How long the next pieces may take before reading them is an error.
    pub fn set_patience(&self, patience: Duration) {
        self.reader
            .get_ref()
            .set_read_timeout(Some(patience))
            .unwrap();
    }

    /// The next piece of the body as it arrives; `None` at its end, an error when it breaks off.
    pub fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.framing {
            Framing::Done | Framing::Length(0) => Ok(None),
            Framing::Length(left) => {
                let piece = self.some(left)?;
                if piece.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.framing = Framing::Length(left - piece.len() as u64);
                Ok(Some(piece))
            }
            Framing::UntilClose => Ok(Some(self.some(u64::MAX)?).filter(|piece| !piece.is_empty())),
            Framing::Chunked => self.chunk(),
        }
    }

    /// Reads to the end.
    pub fn finish(mut self) -> Answer {
        let mut body = Vec::new();
        let whole = loop {
            match self.piece() {
                Ok(Some(piece)) => body.extend(piece),
                Ok(None) => break true,
                Err(error) => {
                    let kind = error.kind();
                    assert!(
                        !matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
                        "the body of {} stopped for {SILENCE:?} after {} bytes",
                        self.status,
                        body.len()
                    );
                    break false;
                }
            }
        };
        Answer {
            status: self.status,
            headers: self.headers,
            body,
            whole,
        }
    }

    fn some(&mut self, most: u64) -> io::Result<Vec<u8>> {
        let available = self.reader.fill_buf()?;
        let length = available
            .len()
            .min(usize::try_from(most).unwrap_or(usize::MAX));
        let piece = available[..length].to_vec();
        self.reader.consume(length);
        Ok(piece)
    }

    fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = read_line(&mut self.reader)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let mut piece = vec![0; size];
        self.reader.read_exact(&mut piece)?;
        read_line(&mut self.reader)?;
        if size == 0 {
            self.framing = Framing::Done;
            return Ok(None);
        }
        Ok(Some(piece))
    }
}

fn read_head(reader: &mut impl BufRead) -> io::Result<(u16, Vec<(String, String)>)> {
    let status = read_line(reader)?;
    let code = status
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| io::Error::other(format!("not a status line: {status:?}")))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(reader)?;
        let Some((name, value)) = line.split_once(':') else {
            return Ok((code, headers));
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    if reader.read_until(b'\n', &mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

// === impl Answer ===

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("not JSON ({error}): {self:?}"),
        }
    }

    /// Fails unless it has that status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert!(self.status == status, "wanted {status}, got {self:?}");
        self
    }

    /// Fails unless it has that status and was read to its end.
    #[track_caller]
    pub fn expect_whole(self, status: u16) -> Self {
        assert!(self.whole, "broke off: {self:?}");
        self.expect(status)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{} ({} bytes, whole: {})",
            self.status,
            self.body.len(),
            self.whole
        )?;
        for (name, value) in &self.headers {
            writeln!(formatter, "{name}: {value}")?;
        }
        let shown: String = self.text().chars().take(2000).collect();
        write!(formatter, "\n{shown}")
    }
}

//! A commit as it arrives: one JSON object a line, the bytes of files inside them as base64.
//!
//! A line may be hundreds of megabytes long, nearly all of it one string: `value.content`. A small scanner follows the
//! JSON just closely enough to find that string, sends it through base64 into the spool as it comes, and leaves `""` in
//! its place. What remains of a line is short, is collected, and is read by serde as any JSON.

use serde::Deserialize;
use serde_json::Value;

use super::base64::Base64;
use super::scan::Scan;
use crate::domain::{Revision, size_text};
use crate::repo::{Content, FilePath, Operation, RepoError, RepoLimits, Spool};

/// Longest line without its content, in bytes.
const LINE_BYTES: usize = 128 << 10;

/// What the first line says of the commit.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Header {
    #[serde(default)]
    pub(super) summary: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) parent_commit: Option<Revision>,
}

/// A commit that has arrived.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) header: Header,
    pub(super) operations: Vec<Operation>,
    pub(super) spool: Spool,
}

/// A commit that is arriving.
#[derive(Debug)]
pub(super) struct CommitStream {
    spool: Spool,
    limits: RepoLimits,
    header: Option<Header>,
    operations: Vec<Operation>,
    line: Vec<u8>,
    scan: Scan,
    content: Option<Streamed>,
}

/// What the scanner took out of a line.
#[derive(Debug, Clone, Copy)]
enum Streamed {
    Whole(Content),
    TooLarge,
}

#[derive(Deserialize)]
struct Line {
    key: String,
    value: Value,
}

#[derive(Deserialize)]
struct File {
    path: String,
    /// Empty, as the scanner left it.
    content: String,
    encoding: String,
}

#[derive(Deserialize)]
struct Large {
    path: String,
    algo: Option<String>,
    oid: String,
    /// Clients that copy a file leave it out.
    size: Option<u64>,
}

#[derive(Deserialize)]
struct Named {
    path: String,
}

// === impl CommitStream ===

impl CommitStream {
    pub(super) fn new(spool: Spool, limits: RepoLimits) -> Self {
        Self {
            spool,
            limits,
            header: None,
            operations: Vec::new(),
            line: Vec::new(),
            scan: Scan::default(),
            content: None,
        }
    }

    /// Takes the next bytes of the body. Blocks as a write to a file does.
    ///
    /// # Errors
    /// The client's mistakes and the limits, each as soon as it can be seen.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), RepoError> {
        while !bytes.is_empty() {
            bytes = match &mut self.scan.content {
                Some(_) => self.feed_content(bytes)?,
                None => self.feed_json(bytes)?,
            };
        }
        Ok(())
    }

    /// Takes the end of the body.
    ///
    /// # Errors
    /// A body that ends inside a line, and one without a header.
    pub(super) fn finish(mut self) -> Result<Arrived, RepoError> {
        if self.scan.content.is_some() {
            return Err(refused("the commit ends in the middle of a file"));
        }
        self.end_line()?;
        Ok(Arrived {
            header: self
                .header
                .ok_or_else(|| refused("the commit has no `header` line"))?,
            operations: self.operations,
            spool: self.spool,
        })
    }

    /// Takes base64 up to the closing quote; returns what comes after.
    fn feed_content<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], RepoError> {
        let Some(base64) = &mut self.scan.content else {
            return Ok(bytes);
        };
        if self.scan.escaped {
            // JSON may write a slash as `\/`; no other character of base64 has an escape anybody uses.
            if bytes[0] != b'/' {
                return Err(refused("a file's `content` is not valid base64"));
            }
            self.scan.escaped = false;
            base64.push(b"/", &mut self.spool)?;
            return Ok(&bytes[1..]);
        }
        let end = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\'));
        let (text, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        base64.push(text, &mut self.spool)?;
        match rest.first() {
            None => return Ok(rest),
            Some(b'\\') => self.scan.escaped = true,
            Some(_) => {
                if let Some(base64) = self.scan.content.take() {
                    let content = base64.finish(&mut self.spool)?;
                    self.content = Some(content.map_or(Streamed::TooLarge, Streamed::Whole));
                }
                self.line.push(b'"');
            }
        }
        Ok(&rest[1..])
    }

    /// Takes JSON up to the end of the line or the beginning of a content; returns what comes after.
    fn feed_json<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], RepoError> {
        for (at, byte) in bytes.iter().copied().enumerate() {
            if byte == b'\n' {
                self.end_line()?;
                return Ok(&bytes[at + 1..]);
            }
            if self.line.len() >= LINE_BYTES {
                return Err(RepoError::TooLarge(format!(
                    "a line of the commit, without its content, is longer than {} KiB",
                    LINE_BYTES >> 10
                )));
            }
            self.line.push(byte);
            if self.scan.step(byte) {
                if self.content.is_some() {
                    return Err(refused("a line of the commit has two contents"));
                }
                self.scan.content = Some(Base64::new(self.limits.file_bytes));
                return Ok(&bytes[at + 1..]);
            }
        }
        Ok(&[])
    }

    fn end_line(&mut self) -> Result<(), RepoError> {
        let line = std::mem::take(&mut self.line);
        let content = self.content.take();
        self.scan = Scan::default();
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let line: Line = serde_json::from_slice(&line)
            .map_err(|error| refused(format!("a line of the commit is not valid: {error}")))?;
        self.take_line(line, content)
    }

    fn take_line(&mut self, line: Line, content: Option<Streamed>) -> Result<(), RepoError> {
        if line.key == "header" {
            if self.header.is_some() {
                return Err(refused("the commit has two `header` lines"));
            }
            self.header = Some(read(line.value, "header")?);
            return Ok(());
        }
        if self.header.is_none() {
            return Err(refused("the commit must begin with its `header` line"));
        }
        if self.operations.len() >= self.limits.operations {
            return Err(RepoError::TooLarge(format!(
                "the commit has more than the {} operations allowed in one; split it",
                self.limits.operations
            )));
        }
        let operation = match line.key.as_str() {
            "file" => self.file(read(line.value, "file")?, content)?,
            "deletedFile" => Operation::DeleteFile {
                path: path(&line.value)?.parse()?,
            },
            "deletedFolder" => {
                let path = path(&line.value)?;
                Operation::DeleteFolder {
                    path: path.strip_suffix('/').unwrap_or(&path).parse()?,
                }
            }
            "lfsFile" => large(read(line.value, "lfsFile")?)?,
            other => {
                let other: String = other.chars().take(40).collect();
                return Err(refused(format!(
                    "the commit has the unknown operation `{}`; use `file`, `lfsFile`, `deletedFile` or \
                     `deletedFolder`",
                    other.escape_debug()
                )));
            }
        };
        self.operations.push(operation);
        Ok(())
    }

    fn file(&self, file: File, content: Option<Streamed>) -> Result<Operation, RepoError> {
        let path: FilePath = file.path.parse()?;
        if file.encoding != "base64" {
            return Err(refused(format!(
                "the `encoding` of `{path}` must be `base64`"
            )));
        }
        match content {
            Some(Streamed::TooLarge) => Err(RepoError::TooLarge(format!(
                "`{path}` is larger than the {} allowed for one file",
                size_text(self.limits.file_bytes)
            ))),
            Some(Streamed::Whole(content)) if file.content.is_empty() => {
                Ok(Operation::Put { path, content })
            }
            // A content under a disguised key (`c\u006fntent`) is read by serde, but was not seen by the scanner.
            _ => Err(refused(format!(
                "`{path}` has no `content`, or one that is not a plain string"
            ))),
        }
    }
}

fn large(file: Large) -> Result<Operation, RepoError> {
    let path: FilePath = file.path.parse()?;
    if file.algo.is_some_and(|algo| algo != "sha256") {
        return Err(refused(format!("the `algo` of `{path}` must be `sha256`")));
    }
    Ok(Operation::PutLarge {
        path,
        id: file.oid.parse()?,
        size: file.size,
    })
}

fn path(value: &Value) -> Result<String, RepoError> {
    let named: Named = read(value.clone(), "operation")?;
    Ok(named.path)
}

fn read<T: serde::de::DeserializeOwned>(value: Value, what: &str) -> Result<T, RepoError> {
    serde_json::from_value(value).map_err(|error| {
        refused(format!(
            "a `{what}` line of the commit is not valid: {error}"
        ))
    })
}

fn refused(text: impl Into<String>) -> RepoError {
    RepoError::Refused(text.into())
}

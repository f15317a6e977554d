//! A commit's body, made while it is sent: however large the files, little of them is in memory at once.

use std::fs::File;
use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::walk::LocalFile;

/// Bytes of a file encoded at a time: a multiple of three, so that the pieces of base64 join without padding.
const PIECE: usize = 48 << 10;

/// What a commit does.
#[derive(Debug, Default)]
pub(super) struct Commit {
    /// First line of its message.
    pub(super) summary: String,
    /// The commit it is built on; the server refuses it when there is a newer one.
    pub(super) parent: Option<String>,
    /// Files to be written.
    pub(super) files: Vec<LocalFile>,
    /// Paths to be removed.
    pub(super) deleted: Vec<String>,
}

// === impl Commit ===

impl Commit {
    /// The lines of the body, as they are made.
    pub(super) fn into_body(self) -> reqwest::Body {
        let (pieces, received) = mpsc::channel(4);
        tokio::task::spawn_blocking(move || {
            let mut sink = |bytes: Bytes| {
                let closed = |_| io::Error::from(io::ErrorKind::BrokenPipe);
                pieces.blocking_send(Ok(bytes)).map_err(closed)
            };
            if let Err(error) = self.write(&mut sink) {
                // A closed channel means that the server answered before it had everything.
                let _ = pieces.blocking_send(Err(error));
            }
        });
        let next = |mut received: mpsc::Receiver<io::Result<Bytes>>| async move {
            received.recv().await.map(|piece| (piece, received))
        };
        reqwest::Body::wrap_stream(stream::unfold(received, next))
    }

    fn write(&self, sink: &mut impl FnMut(Bytes) -> io::Result<()>) -> io::Result<()> {
        let mut header = json!({ "summary": self.summary, "description": "" });
        if let Some(parent) = &self.parent {
            header["parentCommit"] = parent.as_str().into();
        }
        sink(line(&json!({ "key": "header", "value": header })))?;
        for path in &self.deleted {
            sink(line(
                &json!({ "key": "deletedFile", "value": { "path": path } }),
            ))?;
        }
        for file in &self.files {
            write_file(file, sink)?;
        }
        Ok(())
    }
}

fn write_file(file: &LocalFile, sink: &mut impl FnMut(Bytes) -> io::Result<()>) -> io::Result<()> {
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("{}: {error}", file.source.display()))
    };
    let mut source = File::open(&file.source).map_err(named)?;
    let path = Value::from(file.path.as_str());
    sink(
        format!(r#"{{"key":"file","value":{{"path":{path},"encoding":"base64","content":""#).into(),
    )?;
    let mut buffer = vec![0; PIECE];
    loop {
        let read = fill(&mut source, &mut buffer).map_err(named)?;
        sink(STANDARD.encode(&buffer[..read]).into())?;
        if read < PIECE {
            break;
        }
    }
    sink(Bytes::from_static(b"\"}}\n"))
}

/// Reads until the buffer is full or the file ends.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

fn line(value: &Value) -> Bytes {
    format!("{value}\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn files_arrive_as_they_are(
            content in proptest::collection::vec(any::<u8>(), 0..PIECE * 2 + 5),
            path in "[a-z\"\\\\é]{1,10}",
        ) {
            let source = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(source.path(), &content).expect("written");
            let commit = Commit {
                summary: "s".into(),
                files: vec![LocalFile {
                    path: path.clone(),
                    source: source.path().to_owned(),
                    size: content.len() as u64,
                }],
                deleted: vec!["old".into()],
                ..Commit::default()
            };
            let mut body = Vec::new();
            commit.write(&mut |bytes| { body.extend_from_slice(&bytes); Ok(()) }).expect("written");
            let lines: Vec<Value> = body
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .map(|line| serde_json::from_slice(line).expect("json"))
                .collect();
            prop_assert_eq!(lines.len(), 3);
            let file = &lines[2]["value"];
            prop_assert_eq!(&file["path"], &path);
            let encoded = file["content"].as_str().expect("text");
            prop_assert_eq!(STANDARD.decode(encoded).expect("base64"), content);
        }
    }
}

//! The commit stream, cut into every kind of piece.

use ::base64::Engine;
use ::base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::json;

use super::stream::{Arrived, CommitStream};
use crate::domain::AccountId;
use crate::ledger::{DiskReservation, Ledger, LedgerLimits};
use crate::repo::{Operation, RepoError, RepoLimits, Repos};

const HEADER: &str = r#"{"key":"header","value":{"summary":"s","description":"d"}}"#;

fn room() -> DiskReservation {
    Ledger::new(LedgerLimits::default()).reserve_disk(AccountId::new())
}

/// Feeds a body in pieces of one size.
fn feed(body: &str, piece: usize) -> Result<Arrived, RepoError> {
    let folder = tempfile::tempdir().unwrap();
    let limits = RepoLimits {
        file_bytes: 1 << 20,
        operations: 50,
        ..RepoLimits::default()
    };
    let repos = Repos::new(folder.path().to_owned(), limits.clone()).unwrap();
    let mut stream = CommitStream::new(repos.spool(room()).unwrap(), limits);
    for chunk in body.as_bytes().chunks(piece) {
        stream.feed(chunk)?;
    }
    stream.finish()
}

/// Each operation as `path` and, for files, size.
fn summary(arrived: &Arrived) -> Vec<(String, Option<u64>)> {
    let one = |operation: &Operation| match operation {
        Operation::Put { path, content } => (path.to_string(), Some(content.size())),
        Operation::PutLarge { path, size, .. } => (path.to_string(), *size),
        Operation::DeleteFile { path } | Operation::DeleteFolder { path } => {
            (path.to_string(), None)
        }
        Operation::Restore { .. } => panic!("no line of a commit says so"),
    };
    arrived.operations.iter().map(one).collect()
}

#[test]
fn keys_in_any_order_and_spacing() {
    let body = [
        HEADER,
        r#"{"key":"file","value":{"content":"aGk=","path":"a","encoding":"base64"}}"#,
        r#" { "value" : { "path" : "content" , "encoding":"base64", "content" : "" } , "key" : "file" } "#,
        "",
        r#"{"key":"file","value":{"path":"x\"y\/content","content":"\/\/\/\/","encoding":"base64"}}"#,
        r#"{"key":"deletedFile","value":{"path":"gone"}}"#,
        r#"{"key":"deletedFolder","value":{"path":"dir/"}}"#,
    ]
    .join("\r\n");
    for piece in [1, 2, 3, 7, 1000] {
        let arrived = feed(&body, piece).unwrap();
        let file = |path: &str, size| (path.to_owned(), Some(size));
        let gone = |path: &str| (path.to_owned(), None);
        let expected = [
            file("a", 2),
            file("content", 0),
            file("x\"y/content", 3),
            gone("gone"),
            gone("dir"),
        ];
        assert_eq!(summary(&arrived), expected);
        assert_eq!(
            (
                arrived.header.summary.as_str(),
                arrived.header.description.as_deref()
            ),
            ("s", Some("d"))
        );
    }
}

#[test]
fn broken_streams_are_refused() {
    let file = |value: &str| format!("{HEADER}\n{{\"key\":\"file\",\"value\":{{{value}}}}}\n");
    let path = r#""path":"a","encoding":"base64""#;
    let bad = [
        String::new(),
        "\n\n".to_owned(),
        "{}".to_owned(),
        "nonsense".to_owned(),
        r#"{"key":"deletedFile","value":{"path":"a"}}"#.to_owned(),
        format!("{HEADER}\n{HEADER}\n"),
        r#"{"key":"header","value":{"summary":"s","parentCommit":"main"}}"#.to_owned(),
        file(&format!(r#"{path},"content":"aGk""#)),
        file(&format!(r#"{path},"content":"a=Gk""#)),
        file(&format!(r#"{path},"content":"aG\u006b=""#)),
        file(&format!(r#"{path},"content":"a{}Gk=""#, '\n')),
        file(&format!(r#"{path},"content":"aGk=","content":"aGk=""#)),
        file(&format!(r#"{path},"c\u006fntent":"aGk=""#)),
        file(&format!(r#"{path},"content":"aGk=","c\u006fntent":"eA==""#)),
        file(&format!(r#"{path},"content":7"#)),
        file(&format!(r#"{path},"content":["aGk="]"#)),
        file(path),
        file(r#""path":"a","content":"aGk=""#),
        file(r#""path":"a","content":"aGk=","encoding":"utf-8""#),
        file(r#""path":"../a","content":"aGk=","encoding":"base64""#),
        file(r#""path":".git/config","content":"aGk=","encoding":"base64""#),
        format!(
            "{HEADER}\n{{\"key\":\"file\",\"extra\":{{\"content\":\"aGk=\"}},\"value\":{{{path}}}}}"
        ),
        format!(
            "{HEADER}\n{}",
            r#"{"key":"lfsFile","value":{"path":"big.bin","algo":"sha256","oid":"0","size":1}}"#
        ),
        format!("{HEADER}\n{}", r#"{"key":"copyFile","value":{"path":"a"}}"#),
    ];
    for body in bad {
        for piece in [1, 5, 10_000] {
            let fed = feed(&body, piece);
            assert!(
                matches!(fed, Err(RepoError::Refused(_))),
                "{body:?}: {fed:?}"
            );
        }
    }
    for value in [
        r#"{"path":"big.bin"}"#.to_owned(),
        format!(r#"{{"path":"../big.bin","oid":"{}"}}"#, "a".repeat(64)),
        format!(
            r#"{{"path":"big.bin","algo":"md5","oid":"{}"}}"#,
            "a".repeat(64)
        ),
        format!(
            r#"{{"path":"big.bin","oid":"{}","size":-1}}"#,
            "a".repeat(64)
        ),
    ] {
        let line = format!("{HEADER}\n{{\"key\":\"lfsFile\",\"value\":{value}}}");
        let fed = feed(&line, 99);
        assert!(
            matches!(fed, Err(RepoError::Refused(_))),
            "{value}: {fed:?}"
        );
    }
}

#[test]
fn limits_stop_the_stream_at_once() {
    let endless = format!("{HEADER}\n{{\"key\":\"{}", "x".repeat(200 << 10));
    assert!(matches!(feed(&endless, 4096), Err(RepoError::TooLarge(_))));
    let file = json!({"content": "A".repeat(2 << 20), "path": "big.bin", "encoding": "base64"});
    let named = format!("{HEADER}\n{}", json!({"key": "file", "value": file}));
    let error = feed(&named, 4096).unwrap_err();
    assert!(
        matches!(&error, RepoError::TooLarge(text) if text.contains("`big.bin`") && text.contains("1 MiB")),
        "{error}"
    );
    let large = format!(
        "{HEADER}\n{{\"key\":\"file\",\"value\":{{\"content\":\"{}",
        "A".repeat(2 << 20)
    );
    assert!(matches!(feed(&large, 4096), Err(RepoError::Refused(_))));
    let mut many = HEADER.to_owned();
    for index in 0..51 {
        many += &format!("\n{{\"key\":\"deletedFile\",\"value\":{{\"path\":\"{index}\"}}}}");
    }
    let error = feed(&many, 4096).unwrap_err();
    assert!(
        matches!(&error, RepoError::TooLarge(text) if text.contains("50 operations")),
        "{error}"
    );
}

proptest! {
    #[test]
    fn a_stream_cut_short_never_arrives_changed(
        sizes in prop::collection::vec(0..70_000_usize, 1..4),
        piece in 1..9000_usize,
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = HEADER.to_owned();
        for (index, size) in sizes.iter().enumerate() {
            let content = STANDARD.encode(vec![index as u8; *size]);
            let value = json!({"content": content, "path": format!("f{index}"), "encoding": "base64"});
            body += &format!("\n{}", json!({"key": "file", "value": value}));
        }
        let expected: Vec<_> = sizes.iter().enumerate().map(|(index, size)| (format!("f{index}"), Some(*size as u64))).collect();
        prop_assert_eq!(summary(&feed(&body, piece).unwrap()), expected.clone());

        let cut = &body[..cut.index(body.len())];
        if let Ok(arrived) = feed(cut, piece) {
            // Only between two lines; the transport tells such an end from a whole body.
            prop_assert!(body[cut.len()..].starts_with('\n') || cut.ends_with('\n'));
            prop_assert!(expected.starts_with(&summary(&arrived)));
        }
    }

    #[test]
    fn no_stream_panics(body in r#"[{}\[\]":,\\a-e\n content]{0,200}"#, piece in 1..20_usize) {
        let _ = feed(&body, piece);
    }
}

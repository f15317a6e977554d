use proptest::prelude::*;

use super::*;

fn images(text: &str) -> Vec<String> {
    let needs = read(text, &[("TAG".to_owned(), "3.12".to_owned())]).expect("readable");
    needs.images.into_iter().map(|image| image.name).collect()
}

fn refused(text: &str) -> Problem {
    read(text, &[]).expect_err("refused")
}

#[test]
fn base_images_are_found() {
    assert_eq!(
        images("FROM python:3.11-slim\nRUN true"),
        ["python:3.11-slim"]
    );
    assert_eq!(
        images(
            "ARG TAG=3.11\nARG BASE=python:${TAG}\nfrom $BASE as build\nFROM Build\nCOPY --from=build /a /a\nCOPY --from=0 /b /b\nCOPY --from=alpine:3 /c /c\nFROM scratch"
        ),
        ["python:3.12", "alpine:3"]
    );
    assert_eq!(images("ARG X\nFROM ${X:-debian}:${X:+y}12"), ["debian:12"]);
    assert_eq!(
        images("FROM \\\n  # a comment\n\n  debian:12 \\\n AS base\nFR\\\nOM alpine"),
        ["debian:12", "alpine"]
    );
}

#[test]
fn what_cannot_be_followed_is_refused() {
    for (text, line) in [
        ("FROM $NONE", 1),
        ("FROM a\nFROM --platform=linux/arm64 b", 2),
        ("FROM a b", 1),
        ("FROM a\"b", 1),
        ("FROM a\nRUN true\nARG I=b\nCOPY --from=$I / /", 4),
        ("# escape=`\nFROM a", 1),
        ("#Escape = `\nFROM a", 1),
        ("FROM a\nRUN echo \\\\\nADD http://host/ /x", 2),
        ("FROM a\nRUN <<EOF\nADD x\nEOF", 2),
        ("FROM a\nCOPY <<-'EOF' /x\nEOF", 2),
        (
            "FROM a\n\nRUN --mount=type=secret,id=X cat /run/secrets/X",
            3,
        ),
        ("FROM a\nRUN --network=host true", 2),
        ("FROM a\nCOPY --link a b", 2),
    ] {
        assert_eq!(refused(text).line, line, "{text}");
    }
    let secret = refused("FROM a\nRUN --mount=type=secret,id=X true").message;
    assert!(secret.contains("secrets"), "{secret}");
    assert!(read("FROM a\nRUN cat <<<word && echo $((1<<20))", &[]).is_ok());
}

#[test]
fn add_may_name_files_and_nothing_else() {
    let added = |text: &str| -> Vec<String> {
        let needs = read(text, &[]).expect("readable");
        needs.added.into_iter().map(|added| added.path).collect()
    };
    assert_eq!(
        added("FROM a\nADD --chown=1 . ./x /y//z.txt /to/"),
        ["", "x", "y/z.txt"]
    );
    assert_eq!(
        added("FROM a\nADD [\"with space\", \"/to\"]"),
        ["with space"]
    );
    for source in [
        "http://169.254.169.254/latest",
        "HTTPS://host/x",
        "git@host:x.git",
        "$URL",
        "${URL}",
        "*.tar",
        "ht\\tp://x",
        "\"http\"://x",
        "[\"http://x\",",
    ] {
        let text = format!("FROM a\nARG URL=http://host\nADD {source} /to");
        assert_eq!(refused(&text).line, 3, "{source}");
    }
    assert!(read("FROM a\nA\\\nDD http://host/ /x", &[]).is_err());
    assert!(read("FROM a\nADD \\\n# comment\nhttp://host/ /x", &[]).is_err());
}

proptest! {
    #[test]
    fn no_dockerfile_panics(text in "((FROM|ARG|ADD|COPY|RUN|#)?[ -~\\\\$\n]{0,40}\n){0,8}") {
        let _ = read(&text, &[]);
    }

    #[test]
    fn no_address_is_added_however_it_is_broken_up(parts in proptest::collection::vec("[ \t]?\\\\\n( *# x\n)?", 0..4), at in proptest::collection::vec(0usize..24, 0..4)) {
        let mut text = "ADD http://host/file /to".to_owned();
        for (part, at) in parts.iter().zip(at) {
            let at = at.min(text.len());
            text.insert_str(at, part);
        }
        let parsed = read(&format!("FROM a\n{text}"), &[]);
        if let Ok(needs) = parsed {
            // Broken by a space, the word is another one; what is left are files.
            prop_assert!(needs.added.iter().all(|added| !added.path.contains("://")));
        }
    }
}

//! Our reading of Dockerfiles beside the engine's own: it builds what an author wrote and what we made of it, and both
//! images must be the same. Nothing is run in them, so that it takes moments.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use super::{Dockerfile, Found, Left, Part, read};
use crate::docker::CACHE;
use crate::domain::AccountId;

/// The id of the image that the engine makes of a text, or what it says against it.
fn built(text: &str, context: &Path, given: &[(String, String)]) -> Result<String, String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let file = context.join(format!("file-{number}"));
    std::fs::write(&file, text).expect("written");
    let output = Command::new("docker")
        .env("DOCKER_BUILDKIT", "0")
        .args(["build", "--quiet", "--force-rm"])
        .args(
            given
                .iter()
                .flat_map(|(name, value)| ["--build-arg".to_owned(), format!("{name}={value}")]),
        )
        .arg("--file")
        .args([&file, context])
        .stdin(Stdio::null())
        .output()
        .expect("tests/run installs docker");
    std::fs::remove_file(&file).expect("there");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        assert!(
            !message.contains("Cannot connect"),
            "no engine answers: {message}"
        );
        return Err(message);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The same of what we make of it.
fn built_in_pieces(
    file: &Dockerfile,
    context: &Path,
    given: &[(String, String)],
) -> Result<String, String> {
    let owner = AccountId::new().to_string();
    let parts = file.parts(&[] as &[Found], &owner, given);
    let mut parts = parts.map_err(|problem| format!("{problem:?}"))?;
    let mut left = None;
    loop {
        let part = parts.next(left).map_err(|problem| format!("{problem:?}"))?;
        let Part::Piece(piece) = part else {
            return Err("nothing is run here".to_owned());
        };
        let given: Vec<_> = piece.arguments.into_iter().collect();
        let id = built(&piece.text, context, &given)
            .map_err(|message| format!("{message} of\n{}", piece.text))?;
        if piece.is_last {
            return Ok(id);
        }
        let shown = inspected(&id);
        let environment = shown["Config"]["Env"].as_array().into_iter().flatten();
        let environment = environment.filter_map(|pair| pair.as_str().map(str::to_owned));
        left = Some(Left {
            id,
            environment: environment.collect(),
            has_command_of_run: false,
        });
    }
}

fn inspected(id: &str) -> serde_json::Value {
    let shown = Command::new("docker")
        .args(["image", "inspect", id])
        .output();
    let mut shown: serde_json::Value =
        serde_json::from_slice(&shown.expect("docker").stdout).expect("JSON");
    shown[0].take()
}

/// What an image is; it is gone then.
fn described(id: &str) -> String {
    let shown = inspected(id);
    let history = ["history", "--no-trunc", "--format", "{{.CreatedBy}}", id];
    let history = Command::new("docker")
        .args(history)
        .output()
        .expect("docker");
    let _ = Command::new("docker")
        .args(["image", "rm", "--force", id])
        .output();
    let mut config = shown["Config"].clone();
    // Said by the image it was made of.
    config["Image"].take();
    // Ours, in what is written.
    if let Some(labels) = config["Labels"].as_object_mut() {
        labels.remove(CACHE);
        if labels.is_empty() {
            config["Labels"].take();
        }
    }
    // The shell is written out, which comes to the same.
    let test = &mut config["Healthcheck"]["Test"];
    if test[0] == "CMD-SHELL" {
        *test = serde_json::json!(["CMD", "/bin/sh", "-c", test[1]]);
    }
    // Each says what was copied, by its content, and where to. All files come by `COPY` in what is written.
    let history = String::from_utf8_lossy(&history.stdout).replace("#(nop) ADD", "#(nop) COPY");
    let copied = history.lines().filter(|line| line.contains("#(nop) COPY"));
    let copied: Vec<&str> = copied.collect();
    format!("{config:#} {copied:#?}")
}

/// Whether both could be built. Fails where they are not the same.
fn compared(text: &str, context: &Path) -> bool {
    let given = [("GIVEN".to_owned(), "g v".to_owned())];
    let Ok(file) = read(text, &given) else {
        return false;
    };
    assert!(file.images.is_empty(), "{text}: {:?}", file.images);
    let both = || {
        let theirs = built(text, context, &given).map(|id| described(&id));
        (
            theirs,
            built_in_pieces(&file, context, &given).map(|id| described(&id)),
        )
    };
    let (mut theirs, mut ours_built) = both();
    if theirs.is_ok() && ours_built.is_err() {
        // Another test may have removed a layer that this one had found in the cache; what is read otherwise stays so.
        (theirs, ours_built) = both();
    }
    match (&theirs, &ours_built) {
        (Ok(theirs), Ok(built)) => assert_eq!(theirs, built, "{text}"),
        // What it refuses has no meaning that could be missed.
        (Err(_), _) => {}
        _ => panic!("{text}\n--- is\n{theirs:?}\n--- but in pieces\n{ours_built:?}"),
    }
    theirs.is_ok()
}

fn context() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["one", "two", "a b", "-x", "q'"] {
        std::fs::write(folder.path().join(name), name).expect("written");
    }
    // What a build is made of is not part of what is built.
    std::fs::write(
        folder.path().join(".dockerignore"),
        "file-*\n.dockerignore\n",
    )
    .expect("written");
    folder
}

#[test]
fn a_corpus_of_oddities_is_read_as_the_engine_reads_it() {
    let context = context();
    let stages = "FROM scratch AS a\nCOPY one /f\nLABEL which=a\nFROM scratch AS b\nCOPY two /f\nLABEL which=b\n";
    for text in [
        // Which image is meant.
        format!("ARG A=a\nARG A\n{stages}FROM ${{A:-b}}"),
        format!("ARG A=a\n{stages}FROM ${{A:-b}}"),
        format!("ARG A=a B=$A\n{stages}FROM ${{B:-b}}"),
        format!("ARG GIVEN=b\nARG C=${{GIVEN:+a}}\n{stages}FROM \"$C\""),
        format!("{stages}FROM A\nCOPY --chown=\"0:0\" --from=B /f /g"),
        format!("{stages}FROM a\nCOPY --from=+1 /f /g\nCOPY --fr\\om='0' f /h"),
        format!("{stages}FROM a\nCOPY\u{b}--from=b\t/f /g"),
        format!("{stages}ARG A=a\nFROM ${{A:-b}}"),
        format!("# escape=`\n{stages}FROM `\n b\nCOPY --from=`a /f /g"),
        format!("#syntax=x\n# EsCape = ` \n{stages}FROM b\nENV A=`$B C=\\x"),
        format!("# no\n# escape=`\n{stages}FROM b\nENV A=\\$B \\\n C=`x"),
        format!("\u{feff}{}", stages.replace('\n', "\r\n")),
        // What a value is.
        "FROM scratch\nENV A=b C=\"d e\" D=f\\ g E='$A' F=\"$A\\\"\\x\" G=$A$C H=${A}x I=\"\"".to_owned(),
        "FROM scratch\nENV A b  \"c\"  d\nENV B $A \\$A 'x'".to_owned(),
        "FROM scratch\nARG GIVEN\nARG X=${GIVEN:-n} Y=${NONE:-$GIVEN}\nENV A=$X B=${Y:+y} C=${NONE:+n} D=\"${NONE:-\"q r\"}\"".to_owned(),
        "ARG M=m\nFROM scratch\nENV A=$M\nARG M\nENV B=$M\nENV M=e\nARG M=x\nENV C=$M".to_owned(),
        "FROM scratch\nENV A=${B:-'}'}\u{a0}C=d\nENV E=${F:-\\}x} G=$1a H=$$ I=$ J=\"a b\"c'd e'".to_owned(),
        "FROM scratch\nLABEL \"a.b c\"=d 'e'=\"f\\\ng\"\nLABEL x y z".to_owned(),
        "FROM scratch\nENV A=\"x\\\n  # no\n\n  y\\\n# comment\n z\" \\\n B=c\\\\\nENV C=d".to_owned(),
        // Words and arrays.
        "FROM scratch\nCOPY [\"a b\", \"/x y/\"]\nCOPY one two /z/\nCOPY \"-x\" q\\' ./".to_owned(),
        "FROM scratch\nCOPY o?e t[wx]o /\\$z/\nADD ./one /w".to_owned(),
        "FROM scratch\nCMD [\"a\", \"$B\\u003c\"]\nENTRYPOINT a \"b\" \\\n 'c\\d'".to_owned(),
        "FROM scratch\nCMD [\"a\" 'b']".to_owned(),
        "FROM scratch\nCMD x\nENTRYPOINT []\nSHELL [\"/b\", \"-c\"]\nCMD y".to_owned(),
        "FROM scratch\nENTRYPOINT [\"x\"]\nCMD []\nENTRYPOINT".to_owned(),
        "FROM scratch\nENV P=\"80 81\"\nEXPOSE $P 82/udp ${Q:-83}\nUSER \"a:b\"\nSTOPSIGNAL ${S:-SIGINT}".to_owned(),
        "FROM scratch\nENV H=/h\nWORKDIR $H/\"a b\"\nWORKDIR c\\ d\nVOLUME /x $H [\nVOLUME [\"/y z\"]".to_owned(),
        "FROM scratch\nHEALTHCHECK --interval=5s --timeout=1m30s --retries=2 cmd a \"b\" || exit 1".to_owned(),
        "FROM scratch\nHEALTHCHECK CMD [\"a\", \"b\"]\nMAINTAINER me\nHEALTHCHECK none".to_owned(),
    ] {
        compared(&text, context.path());
    }
}

#[test]
fn what_a_generator_makes_up_is_read_as_the_engine_reads_it() {
    let context = context();
    let word =
        r#"([a-c0-9/. ]|\$[AB]|\$\{A\}|\$\{[AB]:[-+][a-c'"\\\$ ]{0,3}\}|["'\\#`-]|\\\n){0,6}"#;
    let line = format!(
        r#"(ENV A={word}|ENV B {word}|env "A"={word} B={word}|ARG A={word}|ARG A|ARG B="{word}"|LABEL a={word}|CMD {word}|CMD \[{word}\]|WORKDIR {word}|VOLUME {word}|USER {word}|# {word})"#
    );
    let file = format!(
        "(# escape=`\n|# escape=\\\\\n|)(ARG A={word}\n|ARG A=b B\n|ARG A\n)?FROM scratch AS b\nLABEL which=b\nFROM scratch AS a\nLABEL which=a\nFROM (a|B|\\$A|\\$\\{{A:-{word}\\}}|\\$\\{{A:-b\\}}|\"a\"|\\\\a)\nENV C=d\n({line}\n){{1,5}}"
    );
    let files = proptest::string::string_regex(&file).expect("a pattern");
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let (mut tried, mut both) = (0, 0);
    // Most of what is made up nobody can build; what is looked at is what at least we can read.
    while tried < 12 {
        let text = files.new_tree(&mut runner).expect("a text").current();
        if read(&text, &[]).is_ok_and(|file| file.images.is_empty()) {
            tried += 1;
            both += u32::from(compared(&text, context.path()));
        }
    }
    assert!(both >= 3, "only {both} of {tried} could be built");
}

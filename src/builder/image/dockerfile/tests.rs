use proptest::prelude::*;

mod newer;
mod refused;
mod sizes;

use super::*;

fn images(text: &str) -> Vec<String> {
    let file = read(text, &[("TAG".to_owned(), "3.12".to_owned())]).expect("readable");
    let images = file.images.iter().map(|image| image.name.to_string());
    images
        .map(|name| name.trim_start_matches("docker.io/library/").to_owned())
        .collect()
}

fn refused(text: &str) -> Problem {
    read(text, &[]).expect_err(text)
}

/// What is done, each image as `sha256:` and its name, and what comes of each part as `sha256:left` and its number.
fn parts(file: &Dockerfile, given: &[(String, String)]) -> Result<Vec<Part>, Problem> {
    let found = file.images.iter().map(|image| Found {
        id: format!("sha256:{}", image.name),
        shell: Vec::new(),
        user: String::new(),
        environment: vec!["BASE=b".into()],
        triggers: Vec::new(),
    });
    let found = found.collect::<Vec<_>>();
    let mut all = file.parts(&found, OWNER, given)?;
    let (mut made, mut left) = (Vec::new(), None);
    loop {
        let part = all.next(left)?;
        let is_last = matches!(&part, Part::Piece(piece) if piece.is_last);
        let has_command_of_run = matches!(part, Part::Run(_));
        made.push(part);
        if is_last {
            return Ok(made);
        }
        left = Some(Left {
            id: format!("sha256:left{}", made.len()),
            environment: Vec::new(),
            has_command_of_run,
        });
    }
}

pub(super) fn in_parts(text: &str) -> Vec<Part> {
    let file = read(text, &[]).unwrap_or_else(|problem| panic!("{text}: {problem:?}"));
    parts(&file, &[]).expect("short")
}

fn written(text: &str) -> String {
    let parts = in_parts(text).into_iter();
    let texts = parts.map(|part| match part {
        Part::Piece(piece) => piece.text,
        Part::Run(run) => format!("RUN {}\n", serde_json::json!(run.words)),
    });
    texts.collect()
}

pub(super) const OWNER: &str = "0198a8c0000070008000000000000001";

#[test]
fn base_images_are_found() {
    assert_eq!(
        images("FROM python:3.11-slim\nRUN true"),
        ["python:3.11-slim"]
    );
    assert_eq!(
        images(
            "ARG TAG=3.11\nARG BASE=python:${TAG}\nfrom $BASE as build\nFROM Build\nCOPY --from=BUILD /a /a\nCOPY --from=0 /b /b\nCOPY --from=alpine:3 /c /c\nFROM scratch"
        ),
        ["python:3.12", "alpine:3"]
    );
    assert_eq!(images("ARG X\nFROM ${X:-debian}:${X:+y}12"), ["debian:12"]);
    assert_eq!(
        images("FROM \\\n  # a comment\n\n  debian:12 \\\n AS base\nFR\\\nOM alpine:3"),
        ["debian:12", "alpine:3"]
    );
    assert_eq!(
        images("FROM debian:12 AS scratch\nFROM scratch"),
        ["debian:12"]
    );
    assert_eq!(
        images("\u{feff}# escape=`\r\nFROM `\r\n debian:12\r\n"),
        ["debian:12"]
    );
}

/// Each of these was read otherwise by the engine than by a reader that knows less of its grammar.
#[test]
fn no_image_is_missed() {
    let hidden = [
        // Quotes hold a flag together.
        "COPY --chown=\"0:a\" --from=other:1 /x /y",
        "COPY --chown='0':a --from=other:1 /x /y",
        "COPY \"--from=zzz\" /y\nCOPY --fr\\om=other:1 /x /y",
        "COPY --from=\"other:1\" /x /y",
        "COPY --from='other':1 /x /y",
        "COPY\t--from=other:1 /x /y",
        "COPY\u{b}--from=other:1\u{c}/x /y",
        "copy --from=other:1 [\"/x\",\"/y\"]",
        "COPY \\\n# a comment\n --from=\\\nother:1 /x /y",
    ];
    for copy in hidden {
        assert_eq!(
            images(&format!("FROM base:1\n{copy}"))
                .last()
                .map(String::as_str),
            Some("other:1"),
            "{copy}"
        );
    }
    for from in [
        "ARG A=base\nARG A\nFROM ${A:-other:1}",
        "ARG A=base B=$A\nFROM ${B:-other:1}",
        "ARG A\nFROM ${A:-${B:-\"other:1\"}}",
        "ARG A='other:1'\nFROM $A",
        "ARG A=base\nARG A=other\nFROM $A:1",
        "FROM base:1 AS a\nARG A=base\nFROM ${A:-other:1}",
        "FROM \"other:1\"",
        "FROM ot\\her:1",
        "FROM base:1 AS other\nFROM other:1",
        "FROM\u{b}other:1",
    ] {
        assert_eq!(
            images(from).last().map(String::as_str),
            Some("other:1"),
            "{from}"
        );
    }
}

#[test]
fn each_instruction_has_one_form() {
    for (text, expected) in [
        (
            "RUN  a \\\n  # no\n && b",
            r#"RUN ["/bin/sh","-c","a  && b"]"#,
        ),
        ("RUN [\"a\", \"b\"]", r#"RUN ["a","b"]"#),
        (
            "RUN [\"a\" \"b\"]",
            r#"RUN ["/bin/sh","-c","[\"a\" \"b\"]"]"#,
        ),
        ("RUN a\\\\", r#"RUN ["/bin/sh","-c","a\\\\"]"#),
        ("RUN cat <<<x", r#"RUN ["/bin/sh","-c","cat <<<x"]"#),
        (
            "SHELL [\"/bin/bash\", \"-c\"]\nRUN a",
            "SHELL [\"/bin/bash\",\"-c\"]\nRUN [\"/bin/bash\",\"-c\",\"a\"]",
        ),
        ("CMD a $B", r#"CMD ["/bin/sh","-c","a $B"]"#),
        ("CMD []", "CMD []"),
        ("ENTRYPOINT", "ENTRYPOINT []"),
        (
            "ENV A=b C=\"d e\" D=f\\ g",
            r#"ENV "A"="b" "C"="d e" "D"="f g""#,
        ),
        ("ENV A b  c", r#"ENV "A"="b  c""#),
        ("ENV PATH=/x:$PATH", r#"ENV "PATH"="/x:${PATH}""#),
        ("ENV A='$B' C=\\$D", r#"ENV "A"="\$B" "C"="\$D""#),
        ("LABEL \"a.b\"=c", r#"LABEL "a.b"="c""#),
        ("ARG A B=c", "ARG A B"),
        (
            "COPY --chown=$U:x a b/",
            r#"COPY --chown=${U}:x ["\"a\"","\"b/\""]"#,
        ),
        ("ADD [\"a b\", \"/c\"]", r#"COPY ["\"a b\"","\"/c\""]"#),
        (
            "COPY --from=x a b",
            r#"COPY --from=sha256:docker.io/library/x:latest ["\"a\"","\"b\""]"#,
        ),
        ("WORKDIR $HOME/app", r#"WORKDIR "${HOME}/app""#),
        ("USER \"me\"", r#"USER "me""#),
        ("EXPOSE 80/tcp ${P:-81}", "EXPOSE 80/tcp ${P:-81}"),
        ("VOLUME /a b", r#"VOLUME ["\"/a\"","\"b\""]"#),
        ("STOPSIGNAL SIGINT", r#"STOPSIGNAL "SIGINT""#),
        (
            "HEALTHCHECK --interval=5s --start-interval=1s CMD a",
            r#"HEALTHCHECK --interval=5s CMD ["/bin/sh","-c","a"]"#,
        ),
        ("healthcheck none", "HEALTHCHECK NONE"),
    ] {
        let expected =
            format!("FROM scratch AS stage0\nLABEL \"glasshouse.cache\"=\"{OWNER}\"\n{expected}\n");
        let found = written(&format!("FROM scratch\n{text}\nMAINTAINER me"));
        // The image's labels come after a command.
        let found = found.trim_end_matches("FROM sha256:left2\nCMD []\n");
        assert_eq!(found, expected);
    }
    assert_eq!(
        written("ARG V=1\nFROM a:$V AS One\nFROM one\nCOPY --from=00 /x /x\nFROM two"),
        format!(
            "ARG V\nFROM sha256:docker.io/library/a:1 AS stage0\nLABEL \"glasshouse.cache\"=\"{OWNER}\"\nFROM sha256:left1 AS \
             stage1\nCOPY --from=sha256:left1 [\"\\\"/x\\\"\",\"\\\"/x\\\"\"]\nFROM sha256:docker.io/library/two:latest AS stage2\n\
             LABEL \"glasshouse.cache\"=\"{OWNER}\"\n"
        )
    );
}

#[test]
fn lines_are_the_authors() {
    let text =
        "# syntax=docker/dockerfile:1\n\nFROM a\n# why\nRUN x \\\n && y\n\nMAINTAINER me\nCMD z";
    let parts = in_parts(text);
    let steps = parts.iter().flat_map(|part| match part {
        Part::Piece(piece) => piece.steps.clone(),
        Part::Run(run) => vec![Some(run.step.clone())],
    });
    let steps: Vec<_> = steps.collect();
    let steps: Vec<_> = steps
        .iter()
        .map(|step| step.as_ref().map(|step| (step.line, step.text.as_str())))
        .collect();
    let lines = [
        Some((3, "FROM a")),
        None,
        Some((5, "RUN x  && y")),
        // The image that the command left, and its own command taken away.
        None,
        None,
        Some((9, "CMD z")),
        None,
    ];
    assert_eq!(steps, lines);
}

#[test]
fn only_declared_arguments_are_given() {
    let given: Vec<_> = ["A", "B", "C"]
        .map(|name| (name.to_owned(), "x".to_owned()))
        .into();
    let file = read("ARG A\nFROM a\nARG B=1\nRUN echo $C", &given).expect("readable");
    let names: Vec<_> = file
        .arguments(given)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["A", "B"]);
}

/// The engine remembers a step without them: what somebody's own proxy said would be in everybody's images.
#[test]
fn no_argument_is_given_that_steps_are_remembered_without() {
    let given: Vec<_> = ["http_proxy", "HTTPS_PROXY", "No_Proxy", "A"]
        .map(|name| (name.to_owned(), "x".to_owned()))
        .into();
    let text =
        "FROM a AS b\nARG A\nRUN fetch\nFROM b\nARG http_proxy\nARG HTTPS_PROXY\nARG No_Proxy";
    let file = read(text, &given).expect("readable");
    assert_eq!(file.arguments(given), [("A".to_owned(), "x".to_owned())]);
}

#[test]
fn add_may_name_files_and_nothing_else() {
    let added = |text: &str| -> Vec<String> {
        let file = read(text, &[]).expect("readable");
        file.added.into_iter().map(|added| added.path).collect()
    };
    assert_eq!(
        added("FROM a\nADD --chown=1 . ./x /y//z.txt \"q\" /to/"),
        ["", "x", "y/z.txt", "q"]
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
        "--chown=\"0 0\" http://x",
    ] {
        let text = format!("FROM a\nARG URL=http://host\nADD {source} /to");
        assert_eq!(refused(&text).line, 3, "{source}");
    }
    assert!(read("FROM a\nA\\\nDD http://host/ /x", &[]).is_err());
    assert!(read("FROM a\nADD \\\n# comment\nhttp://host/ /x", &[]).is_err());
}

proptest! {
    #[test]
    fn no_dockerfile_panics(text in "((FROM|ARG|ADD|COPY|RUN|ENV|#)?[ -~\\\\$\n\t\u{a0}é]{0,40}\n){0,8}") {
        if let Ok(file) = read(&text, &[]) {
            let _ = parts(&file, &[]);
        }
    }

    /// What is written says the same, and nothing in it can be read otherwise.
    #[test]
    fn what_is_written_is_read_as_the_same(text in "FROM scratch\n((ENV a=|ENV |LABEL b=|ARG c=|COPY |WORKDIR |RUN |CMD |VOLUME |USER )[a-z\\\\\"' $\\{\\}:\\-\\[\\],<#\u{a0}é\n]{0,20}\n){1,5}") {
        if let Ok(file) = read(&text, &[]) && file.images.is_empty() && let Ok(parts) = parts(&file, &[]) {
            for part in parts {
                let Part::Piece(piece) = part else {
                    continue;
                };
                let once = &piece.text;
                let documents = once.lines().filter(|line| line.starts_with("COPY"));
                prop_assert!(documents.into_iter().all(|line| !line.contains("<<")), "{}", once);
                // The labels of the image are no line of it.
                prop_assert_eq!(once.lines().count() + usize::from(piece.is_last), piece.steps.len());
                let body = |text: &str| -> Vec<String> {
                    let lines = text.lines().skip(1).filter(|line| !line.starts_with("LABEL \"glasshouse."));
                    lines.map(str::to_owned).collect()
                };
                let given: Vec<_> = piece.arguments.clone().into_iter().collect();
                let again = read(&format!("FROM scratch\n{}", body(once).join("\n")), &given);
                prop_assert!(again.is_ok(), "{} {:?}", once, again);
                let again = self::parts(&again.expect("looked at"), &given).expect("short");
                let [Part::Piece(again)] = again.as_slice() else {
                    panic!("{once}");
                };
                prop_assert_eq!(body(&again.text), body(once));
            }
        }
    }
}

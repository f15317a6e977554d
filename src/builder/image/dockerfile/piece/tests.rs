use super::super::tests::{OWNER, written_in_pieces};
use super::super::{Found, read};
use super::{Left, Piece};

/// What an author's command has made is looked at before the engine opens it, and nothing is cut without need.
#[test]
fn a_piece_ends_where_the_engine_opens_what_was_made_in_it() {
    let lines = |text: &str| -> Vec<Vec<usize>> {
        let pieces = written_in_pieces(text);
        let lines = pieces.iter().map(|piece| {
            let steps = piece.steps.iter().flatten();
            steps.map(|step| step.line).collect()
        });
        lines.collect()
    };
    for (text, expected) in [
        (
            "FROM a\nCOPY r .\nRUN pip\nCOPY . .\nCMD x",
            vec![vec![1, 2], vec![3, 4, 5]],
        ),
        (
            "FROM a\nRUN x\nRUN y\nWORKDIR /z\nUSER u",
            vec![vec![1, 2], vec![3, 4, 5]],
        ),
        (
            "FROM a\nRUN x\nCOPY --chown=1:2 y z\nCOPY y z",
            vec![vec![1, 2, 3, 4]],
        ),
        (
            "FROM a\nRUN x\nCOPY --chown=u y z",
            vec![vec![1, 2], vec![3]],
        ),
        (
            "FROM a\nARG U=1\nRUN x\nCOPY --chown=$U y z",
            vec![vec![1, 2, 3], vec![4]],
        ),
        (
            "FROM a AS s\nRUN x\nFROM a\nCOPY --from=s y z\nFROM s",
            vec![vec![1, 2], vec![3, 4], vec![5]],
        ),
    ] {
        assert_eq!(lines(text), expected, "{text}");
    }
    let opened = written_in_pieces(
        "FROM a AS s\nRUN x\nRUN y\nFROM b\nARG P=/p\nCOPY --from=s $P q\nCOPY --from=c /r q",
    );
    let accounts = opened.iter().map(|piece| {
        let accounts = piece.accounts.as_ref();
        accounts.map(|(image, step)| (image.as_str(), step.line))
    });
    let accounts: Vec<_> = accounts.collect();
    let base = "sha256:docker.io/library/a:latest";
    assert_eq!(accounts, [Some((base, 2)), Some(("sha256:left1", 3)), None]);
    let copied = opened[2]
        .copied
        .iter()
        .map(|copied| (copied.image.as_str(), copied.paths[0].as_str()));
    let copied: Vec<_> = copied.collect();
    assert_eq!(
        copied,
        [
            ("sha256:left2", "/p"),
            ("sha256:docker.io/library/c:latest", "/r")
        ]
    );
    assert!(
        opened[2]
            .text
            .contains(r#"COPY --from=sha256:left2 ["\"/p\"","\"q\""]"#)
    );
}

#[test]
fn what_an_image_does_not_carry_is_said_again() {
    let text = "ARG G=g\nFROM a\nARG G\nARG A=$BASE\nENV E=e\nCMD [\"c\"]\nRUN x\nARG B=$A$E\nARG A=2\nRUN y\nENTRYPOINT [\"e\"]";
    let pieces = written_in_pieces(text);
    let arguments = |piece: &Piece| -> Vec<String> {
        let arguments = piece.arguments.iter();
        arguments
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    };
    assert_eq!(arguments(&pieces[0]), ["A=b", "B=be", "G=g"]);
    // The engine takes one value for each argument.
    assert_eq!(arguments(&pieces[1]), ["A=2", "B=be", "G=g"]);
    assert_eq!(
        pieces[1].text,
        "FROM sha256:left1\nARG A B G\nARG A\nRUN [\"/bin/sh\",\"-c\",\"y\"]\nCMD [\"c\"]\nENTRYPOINT [\"e\"]\n"
    );
    let lines: Vec<_> = pieces[1]
        .steps
        .iter()
        .map(|step| step.as_ref().map(|step| step.line))
        .collect();
    assert_eq!(lines, [None, None, Some(9), Some(10), None, Some(11), None]);
}

#[test]
fn what_an_image_triggers_is_looked_at() {
    let file = read("FROM a\nRUN echo $T", &[]).expect("readable");
    let found = [Found {
        id: "sha256:a".into(),
        shell: Vec::new(),
        environment: Vec::new(),
        triggers: ["ARG T=t", "COPY . /app", "RUN make"]
            .map(str::to_owned)
            .into(),
    }];
    let mut pieces = file.pieces(&found, OWNER, &[]);
    let first = pieces.next(None).expect("short");
    assert_eq!(first.sent.paths, [""]);
    assert_eq!(first.sent.largest, Some(1 << 20));
    assert!(first.accounts.is_some());
    let left = Left {
        id: "sha256:left".into(),
        environment: Vec::new(),
    };
    let second = pieces.next(Some(left)).expect("short");
    assert_eq!(second.arguments["T"], "t");
    assert!(second.accounts.is_some() && second.is_last);
}

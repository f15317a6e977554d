use super::super::part::{Left, Part, Piece, Run};
use super::super::tests::{OWNER, in_parts};
use super::super::{Found, read};

fn piece(part: &Part) -> &Piece {
    match part {
        Part::Piece(piece) => piece,
        Part::Run(run) => panic!("{run:?}"),
    }
}

fn run(part: &Part) -> &Run {
    match part {
        Part::Run(run) => run,
        Part::Piece(piece) => panic!("{piece:?}"),
    }
}

/// What an author's command has made is looked at before the engine opens it, and nothing is cut without need.
#[test]
fn a_part_ends_where_the_engine_opens_what_was_made_in_it() {
    let lines = |text: &str| -> Vec<Vec<usize>> {
        let parts = in_parts(text);
        let lines = parts.iter().map(|part| match part {
            Part::Piece(piece) => {
                let steps = piece.steps.iter().flatten();
                steps.map(|step| step.line).collect()
            }
            Part::Run(run) => vec![run.step.line],
        });
        lines.collect()
    };
    for (text, expected) in [
        (
            "FROM a\nCOPY r .\nRUN pip\nCOPY . .\nCMD x",
            vec![vec![1, 2], vec![3], vec![4, 5]],
        ),
        (
            "FROM a\nRUN x\nRUN y\nWORKDIR /z\nUSER u",
            vec![vec![1], vec![2], vec![3], vec![4, 5]],
        ),
        // The image's labels come last.
        ("FROM a\nRUN x", vec![vec![1], vec![2], vec![]]),
        (
            "FROM a\nRUN x\nCOPY --chown=1:2 y z\nCOPY y z",
            vec![vec![1], vec![2], vec![3, 4]],
        ),
        (
            "FROM a\nCOPY x y\nCOPY --chown=u y z",
            vec![vec![1, 2], vec![3]],
        ),
        (
            "FROM a\nARG U=1\nCOPY x y\nCOPY --chown=$U y z",
            vec![vec![1, 2, 3], vec![4]],
        ),
        (
            "FROM a AS s\nRUN x\nFROM a\nCOPY --from=s y z\nFROM s",
            vec![vec![1], vec![2], vec![3, 4], vec![5]],
        ),
    ] {
        assert_eq!(lines(text), expected, "{text}");
    }
    let parts = in_parts(
        "FROM a AS s\nRUN x\nCOPY --chown=u q q\nFROM b\nARG P=/p\nCOPY --from=s $P q\nCOPY --from=c /r q",
    );
    let accounts = piece(&parts[2]).accounts.as_ref();
    let accounts = accounts.map(|(image, step)| (image.as_str(), step.line));
    assert_eq!(accounts, Some(("sha256:left2", 3)));
    let copied = piece(&parts[3])
        .copied
        .iter()
        .map(|copied| (copied.image.as_str(), copied.paths[0].as_str()));
    let copied: Vec<_> = copied.collect();
    assert_eq!(
        copied,
        [
            ("sha256:left3", "/p"),
            ("sha256:docker.io/library/c:latest", "/r")
        ]
    );
    assert!(
        piece(&parts[3])
            .text
            .contains(r#"COPY --from=sha256:left3 ["\"/p\"","\"q\""]"#)
    );
}

#[test]
fn what_an_image_does_not_carry_is_said_again() {
    let text = "ARG G=g\nFROM a\nARG G\nARG A=$BASE\nENV E=e\nCMD [\"c\"]\nRUN x\nARG B=$A$E\nARG A=2\nENV G=h\nRUN y\nENTRYPOINT [\"e\"]";
    let parts = in_parts(text);
    let shown = |arguments: Vec<(String, String)>| -> Vec<String> {
        let arguments = arguments.into_iter();
        arguments
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    };
    let of_piece = |piece: &Piece| shown(piece.arguments.clone().into_iter().collect());
    assert_eq!(of_piece(piece(&parts[0])), ["A=b", "G=g"]);
    assert_eq!(shown(run(&parts[1]).arguments.clone()), ["A=b", "G=g"]);
    assert_eq!(run(&parts[1]).words, ["/bin/sh", "-c", "x"]);
    // The engine takes one value for each argument.
    assert_eq!(of_piece(piece(&parts[2])), ["A=b", "B=b", "G=g"]);
    assert_eq!(
        piece(&parts[2]).text,
        "FROM sha256:left2\nCMD []\nARG A B G\nARG B\n"
    );
    assert_eq!(of_piece(piece(&parts[3])), ["A=2", "B=b", "G=g"]);
    assert_eq!(
        shown(run(&parts[4]).arguments.clone()),
        ["A=2", "B=b", "G=g"]
    );
    let last = piece(&parts[5]);
    assert_eq!(
        last.text,
        "FROM sha256:left5\nCMD []\nARG A B G\nCMD [\"c\"]\nENTRYPOINT [\"e\"]\n"
    );
    let lines: Vec<_> = last
        .steps
        .iter()
        .map(|step| step.as_ref().map(|step| step.line))
        .collect();
    assert_eq!(lines, [None, None, None, None, Some(12), None]);
}

#[test]
fn what_an_image_triggers_is_done_within_the_limits() {
    let file = read("FROM a\nRUN echo $T", &[]).expect("readable");
    let image = |triggers: &[&str]| {
        [Found {
            id: "sha256:a".into(),
            shell: Vec::new(),
            user: String::new(),
            environment: Vec::new(),
            triggers: triggers
                .iter()
                .map(|trigger| (*trigger).to_owned())
                .collect(),
        }]
    };
    let found = image(&["ARG T=t", "COPY . /app", "RUN make"]);
    let mut parts = file.parts(&found, OWNER, &[]).expect("readable");
    let mut left = None;
    let mut made = Vec::new();
    for number in 0..3 {
        made.push(parts.next(left).expect("short"));
        left = Some(Left {
            id: format!("sha256:{number}"),
            environment: Vec::new(),
            has_command_of_run: false,
        });
    }
    let first = piece(&made[0]);
    assert_eq!(first.sent.paths, [""]);
    // One that the author counts, `FROM`.
    assert_eq!(first.steps.iter().flatten().count(), 1);
    assert_eq!(run(&made[1]).words[2], "make");
    assert!(!run(&made[1]).is_counted && run(&made[2]).is_counted);
    assert_eq!(run(&made[2]).arguments, [("T".to_owned(), "t".to_owned())]);
    let found = image(&["RUN --mount=type=ssh x"]);
    let problem = file.parts(&found, OWNER, &[]).err().expect("refused");
    assert!(
        problem.line == 1 && problem.message.contains("ONBUILD"),
        "{problem:?}"
    );
}

//! What would take too much is refused, and soon.

use super::*;

#[test]
fn what_is_too_much_is_refused_soon() {
    let many = (0..100_000).map(|number| format!("A{number}=x"));
    let many = many.collect::<Vec<_>>().join(" ");
    for text in [
        format!("FROM a\nENV {many}"),
        format!("ARG {many}\nFROM a"),
        "FROM a\n".repeat(100_000),
    ] {
        assert!(!refused(&text).message.is_empty());
    }
    let long = format!("FROM scratch\nRUN {}", "x".repeat(130_000));
    assert!(refused(&long).message.contains("longer than 128 KiB"));
    let long = read(&format!("FROM scratch\nCMD {}", "x".repeat(70_000)), &[]);
    assert!(long.is_ok_and(|file| parts(&file, &[]).is_err()));
}

/// The engine fills variables in, in its own memory.
#[test]
fn a_value_that_doubles_itself_is_refused() {
    let doubled = |instruction: &str, first: &str| {
        let mut text = format!("{first}\n{instruction} A0=0123456789\n");
        for step in 0..30 {
            text.push_str(&format!("{instruction} A{}=$A{step}$A{step}\n", step + 1));
        }
        text + "FROM scratch"
    };
    for text in [
        doubled("ENV", "FROM scratch"),
        doubled("ARG", "FROM scratch"),
        doubled("ARG", ""),
        format!("FROM scratch\n{}", "ENV A=\"$A$A\"\n".repeat(40)),
        format!(
            "FROM scratch\nENV A={}\nCOPY {} /",
            "x".repeat(50_000),
            "$A ".repeat(500)
        ),
    ] {
        assert!(
            refused(&text).message.contains("longer than"),
            "{}",
            &text[..80]
        );
    }
    assert!(read("FROM a\nENV PATH=/a:$PATH\nENV PATH=/b:$PATH B=$C$D", &[]).is_ok());
}

#[test]
fn descriptions_that_grow_with_each_step_are_refused() {
    let long = format!(
        "FROM a\nENV A={}\nENV B={}\n",
        "x".repeat(4000),
        "$A".repeat(32)
    );
    let labels = |of: &str| -> String { (0..30).map(|n| format!("LABEL l{n}={of}\n")).collect() };
    assert!(read(&format!("{long}{}", labels("short")), &[]).is_ok());
    let labelled = refused(&format!("{long}{}", labels("$B")));
    assert!(
        labelled.message.contains("too large in total"),
        "{labelled:?}"
    );
    let steps = "RUN make\n".repeat(400);
    assert!(read(&format!("FROM a\nARG C=gcc\n{steps}"), &[]).is_ok());
    let told_again = refused(&format!("FROM a\nARG C={}\n{steps}", "x".repeat(10_000)));
    assert!(
        told_again.message.contains("too large in total"),
        "{told_again:?}"
    );
    let inherited = format!("{long}LABEL l=$B\n{}", "FROM stage\nRUN make\n".repeat(400));
    let inherited = inherited.replacen("FROM a\n", "FROM a AS stage\n", 1);
    assert!(refused(&inherited).message.contains("too large in total"));
}

/// Engines were seen to need gigabytes for an image whose description has some dozen megabytes.
#[test]
fn a_large_description_is_refused_at_once() {
    let long = format!("FROM a\nENV A={}\nLABEL ", "x".repeat(50_000));
    let labels = |many| (0..many).map(|at| format!("l{at}=$A "));
    let text = |many| long.clone() + &labels(many).collect::<String>();
    let message = refused(&text(30)).message;
    assert!(message.contains("too large in total"), "{message}");
    assert!(read(&text(5), &[]).is_ok());
}

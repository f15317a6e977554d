use proptest::prelude::*;

use super::text::Text;

fn expanded(text: &str) -> Result<String, String> {
    let text = Text::parse(text, '\\')?;
    text.expanded(&|name| match name {
        "A" => Some("a b"),
        "EMPTY" => Some(""),
        _ => None,
    })
}

#[test]
fn it_is_expanded_as_the_engine_does() {
    for (text, expected) in [
        ("x${A}y$A.z", "xa bya b.z"),
        (r#"'$A' "$A" \$A "\$A""#, "$A a b $A $A"),
        (r#""a\b\"c" a\b"#, r#"a\b"c ab"#),
        (
            "${NONE:-x y}|${EMPTY:-e}|${EMPTY-e}|${A:+is}|${NONE:+is}",
            "x y|e||is|",
        ),
        ("${NONE:-${A:-'}'}}|${NONE:-\"}\"}|${NONE:-\\}}", "a b|}|}"),
        ("$", "$"),
        ("$.$1x$@$", "$.x$"),
        ("${NONE}", ""),
    ] {
        assert_eq!(expanded(text).as_deref(), Ok(expected), "{text}");
    }
    for text in [
        "${A", "${", "${}", "${:-x}", "${A!x}", "'a", "\"a", "${A:-\"}", "$ä", "${A%x}",
    ] {
        assert!(expanded(text).is_err(), "{text}");
    }
    assert!(expanded("${NONE:?say so}").is_err_and(|output| output.contains("say so")));
    assert!(expanded(&"${NONE:-".repeat(100_000)).is_err());
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(text in r#"[a-z\\$\{\}:\-+?'"`<>#\[ \té@0-9]{0,30}"#, escape in "[\\\\`]") {
        let escape = escape.chars().next().unwrap_or('\\');
        if let Ok(parsed) = Text::parse(&text, escape) {
            let quoted = parsed.quoted();
            prop_assert_eq!(Text::parse(&quoted, '\\'), Ok(parsed.clone()), "{}", quoted);
            if let Ok(bare) = parsed.bare() {
                prop_assert_eq!(Text::parse(&bare, '\\'), Ok(parsed), "{}", bare);
            }
        }
    }
}

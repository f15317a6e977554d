use super::*;
use proptest::prelude::*;

fn problems(readme: &str) -> String {
    Card::parse(readme).expect_err("has problems").text()
}

#[test]
fn defaults_follow_the_sdk() {
    let card = Card::parse("---\ntitle: T\nsdk: wasi\n---\n# hi\n").expect("valid");
    assert_eq!(card.app_file, "app.wasm");
    assert!(!card.instance_reuse);
    assert_eq!(card.data["title"], "T");
}

#[test]
fn every_problem_names_its_line() {
    let text = problems(
        "---\ntitle: T\nsdk: gradioo\napp_file: ../x\nrequest_timeout: soon\negress: all\n---\n",
    );
    let lines: Vec<_> = text.lines().map(|line| &line[..12]).collect();
    assert_eq!(
        lines,
        [
            "README.md:3:",
            "README.md:4:",
            "README.md:5:",
            "README.md:6:"
        ]
    );
    assert!(
        text.contains("`static`") && text.contains("`wasi`"),
        "{text}"
    );
}

#[test]
fn a_container_has_its_fields() {
    let card = Card::parse(
        "---\nsdk: docker\napp_port: 8080.0\negress: internet\nstorage: 2 GiB\nstartup_duration_timeout: 1h\n---\n",
    )
    .expect("valid");
    assert_eq!((card.port, card.internet), (8080, true));
    assert_eq!(card.storage_bytes, Some(2 << 30));
    assert_eq!(card.startup_timeout, Some(Duration::from_secs(3600)));
    assert_eq!(card.app_file, "Dockerfile");
    let card = Card::parse("---\nsdk: gradio\nsdk_version: 6.31.0\npython_version: 3.11\n---\n")
        .expect("valid");
    assert_eq!(card.sdk_version.as_deref(), Some("6.31.0"));
    assert_eq!(card.python_version.as_deref(), Some("3.11"));
    assert_eq!((card.port, card.internet), (7860, false));
    let card = Card::parse("---\nsdk: streamlit\npython_version: '3.10.4'\negress: none\n---\n");
    assert_eq!(card.expect("valid").port, 8501);
}

#[test]
fn what_a_container_cannot_have_is_refused_with_its_line() {
    for (lines, line, word) in [
        ("sdk: docker\napp_port: 0", 3, "from 1 to 65535"),
        ("sdk: docker\napp_port: many", 3, "from 1 to 65535"),
        ("sdk: docker\napp_port: 8501.5", 3, "from 1 to 65535"),
        ("sdk: docker\napp_port: 85010", 3, "from 1 to 65535"),
        ("title: x\nSDK: static", 3, "must be written `sdk`"),
        ("sdk: gradio\npython_version: 2.7", 3, "`3.11`"),
        ("sdk: gradio\npython_version: 3.11-slim", 3, "`3.11`"),
        ("sdk: gradio\nsdk_version: '6 --index-url x'", 3, "release"),
        ("sdk: gradio\nsdk_version: 6.0\\nRUN x", 3, "release"),
        ("sdk: gradio\negress: all", 3, "`internet`"),
        ("sdk: wasi\negress: all", 3, "list of hosts"),
        (
            "sdk: docker\negress: ['https://example.org/']",
            3,
            "a list of hosts",
        ),
        ("sdk: docker\nstorage: large", 3, "`2GiB`"),
        ("sdk: wasi\nstorage: 2GiB", 3, "containers"),
        ("sdk: docker\ninstance_reuse: true", 3, "`sdk: wasi`"),
        ("sdk: docker\nrequest_timeout: 5s", 3, "`sdk: wasi`"),
        ("sdk: docker\nstartup_duration_timeout: soon", 3, "`30s`"),
    ] {
        let text = problems(&format!("---\n{lines}\n---\n"));
        assert!(
            text.starts_with(&format!("README.md:{line}: ")),
            "{lines}: {text}"
        );
        assert!(text.contains(word), "{lines}: {text}");
    }
}

#[test]
fn versions_are_read_as_they_are_written() {
    for (lines, python, sdk) in [
        ("python_version: 3.10\nsdk_version: 5.10", "3.10", "5.10"),
        (
            "python_version: 3.10 # as here\nsdk_version: 5.0",
            "3.10",
            "5.0",
        ),
        (
            "\"python_version\": '3.10'\nsdk_version: \"4.40\"",
            "3.10",
            "4.40",
        ),
    ] {
        let card = Card::parse(&format!("---\nsdk: gradio\n{lines}\n---\n")).expect("valid");
        assert_eq!(card.python_version.as_deref(), Some(python), "{lines}");
        assert_eq!(card.sdk_version.as_deref(), Some(sdk), "{lines}");
    }
}

#[test]
fn a_base_path_that_leads_away_is_left_out() {
    let read = |path: &str| {
        let readme = format!("---\nsdk: docker\nbase_path: {path}\n---\n");
        let card = Card::parse(&readme).expect("valid");
        (card.base_path, card.warnings.len())
    };
    assert_eq!(read("/docs?a=b"), (Some("/docs?a=b".into()), 0));
    for path in ["docs", "//evil.example/", "/../x", "https://evil.example"] {
        assert_eq!(read(path), (None, 1), "{path}");
    }
}

#[test]
fn broken_yaml_names_its_line() {
    let text = problems("---\ntitle: T\nsdk: [wasi\n---\n");
    assert!(text.starts_with("README.md:"), "{text}");
    assert!(text.contains("not valid YAML"), "{text}");
}

#[test]
fn docker_builds_the_dockerfile_whatever_was_there_before() {
    let app_file = |path: &str| {
        let readme = format!("---\nsdk: docker\napp_file: {path}\n---\n");
        Card::parse(&readme).expect("valid").app_file
    };
    assert_eq!(app_file("app.py"), "Dockerfile");
    assert_eq!(app_file("../app.py"), "Dockerfile");
    assert_eq!(app_file("[a]"), "Dockerfile");
    for path in ["docker/Dockerfile", "Dockerfile.cpu", "cpu.Dockerfile"] {
        assert_eq!(app_file(path), path);
    }
    problems("---\nsdk: docker\napp_file: ../Dockerfile\n---\n");
}

#[test]
fn a_deep_card_is_refused_before_it_is_parsed() {
    for unit in ["[", "{a: ", "- ", "? "] {
        let yaml = format!("sdk: static\ndeep: {}\n", unit.repeat(60_000 / unit.len()));
        let begun = std::time::Instant::now();
        assert!(Card::parse(&format!("---\n{yaml}---\n")).is_err(), "{unit}");
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{unit} took {:?}",
            begun.elapsed()
        );
    }
    let honest =
        "---\nsdk: static\nshort_description: '--- [[a]] - b - c --- ? : ----------------'\n---\n";
    assert!(Card::parse(honest).is_ok());
}

#[test]
fn an_alias_bomb_is_an_error() {
    let mut yaml = String::from("---\nsdk: static\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(",");
        yaml.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    yaml.push_str("---\n");
    assert!(Card::parse(&yaml).is_err());
}

proptest! {
    #[test]
    fn no_card_panics(text in "(---\n)?[ -~\n]{0,200}(\n---\n)?") {
        let _ = Card::parse(&text);
    }

    #[test]
    fn versions_are_plain(sdk in "(gradio|streamlit)", python in "[ -~]{0,12}", version in "[ -~]{0,12}") {
        let quoted = |text: &str| text.replace('\'', "''");
        let readme = format!("---\nsdk: {sdk}\npython_version: '{}'\nsdk_version: '{}'\n---\n", quoted(&python), quoted(&version));
        if let Ok(card) = Card::parse(&readme) {
            for text in [card.python_version, card.sdk_version].into_iter().flatten() {
                prop_assert!(!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'));
            }
        }
    }

    #[test]
    fn app_files_stay_inside(path in "[a-z./\\\\]{1,20}") {
        if let Ok(card) = Card::parse(&format!("---\nsdk: static\napp_file: \"{}\"\n---\n", path.replace('\\', "\\\\"))) {
            prop_assert!(card.app_file.split('/').all(|part| part != ".." && !part.is_empty()));
        }
    }
}

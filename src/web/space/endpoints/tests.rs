use super::*;
use serde_json::json;

fn described(name: &str, parameters: Value) -> Vec<Endpoint> {
    read(
        json!({"named_endpoints": {name: {"parameters": parameters}}})
            .to_string()
            .as_bytes(),
    )
}

fn first(parameter: Value) -> Parameter {
    let mut endpoints = described("/f", json!([parameter]));
    endpoints.remove(0).parameters.remove(0)
}

#[test]
fn what_gradio_tells_is_read() {
    let endpoints = described(
        "/carve",
        json!([
            {"parameter_name": "picture", "component": "Image", "type": {}, "example_input":
                {"path": "https://example.org/bus.png", "meta": {"_type": "gradio.FileData"}}},
            {"parameter_name": "percent", "component": "Slider", "type": {"type": "number"}, "example_input": 3},
        ]),
    );
    let parameter = |name: &str, example| Parameter {
        name: name.into(),
        example,
    };
    assert_eq!(
        endpoints,
        [Endpoint {
            name: "/carve".into(),
            parameters: vec![
                parameter("picture", Example::File("picture.png")),
                parameter("percent", Example::Number(3.into())),
            ],
        }]
    );
}

#[test]
fn endpoints_stay_in_their_authors_order() {
    let output = r#"{"named_endpoints": {"/z": {"parameters": []}, "/a": {"parameters": []}}}"#;
    let names: Vec<_> = read(output.as_bytes())
        .into_iter()
        .map(|one| one.name)
        .collect();
    assert_eq!(names, ["/z", "/a"]);
}

#[test]
fn names_that_are_none_are_left_out() {
    for name in [
        "carve",
        "/",
        "/..",
        "/a b",
        "/a\"b",
        "/a/b",
        "/$(x)",
        "/é",
        &format!("/{}", "a".repeat(99)),
    ] {
        assert_eq!(described(name, json!([])), [], "{name}");
    }
    for name in [
        "",
        "1a",
        "a b",
        "a=1, b",
        "class",
        "api_name",
        "é",
        &"a".repeat(99),
    ] {
        assert_eq!(first(json!({"parameter_name": name})).name, "", "{name}");
    }
    // With one of them all go by their places.
    let mixed = described(
        "/f",
        json!([{"parameter_name": "a"}, {"parameter_name": "a-b"}]),
    );
    assert!(mixed[0].parameters.iter().all(|one| one.name.is_empty()));
    let twice = described(
        "/f",
        json!([{"parameter_name": "a"}, {"parameter_name": "a"}]),
    );
    assert!(twice[0].parameters.iter().all(|one| one.name.is_empty()));
}

#[test]
fn no_app_names_a_file_or_talks_without_end() {
    let steal = json!({"component": "File", "example_input": {"path": "/etc/passwd"}});
    assert_eq!(first(steal).example, Example::File("file.txt"));
    let nested = json!({"component": "Gallery", "example_input":
        [{"image": {"path": "http://localhost/admin"}, "caption": null}]});
    let shown = format!("{:?}", first(nested).example);
    assert!(
        shown.contains("picture.png") && !shown.contains("localhost"),
        "{shown}"
    );
    let long =
        json!({"type": {"type": "string"}, "example_input": "a\u{202e}\n\u{1b}[31m".repeat(1000)});
    let Example::Text(text) = first(long).example else {
        panic!("a text");
    };
    assert!(
        text.chars().count() <= MAX_TEXT + 1 && !text.contains(['\n', '\u{1b}', '\u{202e}']),
        "{text}"
    );
    let wide = json!({"type": {"type": "array"}, "example_input": vec![1; 1000]});
    assert_eq!(first(wide).example, Example::List(Vec::new()));
    assert_eq!(described("/f", json!(vec![json!({}); 25])), []);
    let many: Map<_, _> = (0..50)
        .map(|place| (format!("/f{place}"), json!({"parameters": []})))
        .collect();
    assert_eq!(
        read(json!({"named_endpoints": many}).to_string().as_bytes()).len(),
        MAX_ENDPOINTS
    );
}

#[test]
fn what_is_not_in_its_form_has_no_endpoints() {
    let hidden = json!({"named_endpoints": {"/f": {"parameters": [], "show_api": false}}});
    for described in [
        "",
        "[]",
        "{}",
        "<html>",
        r#"{"named_endpoints": 3}"#,
        r#"{"named_endpoints": {"/f": []}}"#,
        &"[".repeat(1000),
        &hidden.to_string(),
    ] {
        assert_eq!(read(described.as_bytes()), [], "{described}");
    }
}

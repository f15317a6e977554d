//! Files served as they are.

use crate::support::{Op, Server, card};

#[test]
fn types_tags_ranges_and_folders() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish(
        "demo",
        &[
            card("sdk: static"),
            Op::file("index.html", "<h1>hi</h1>"),
            Op::file("app.js", "let a = 1"),
            Op::file("data.bin", "0123456789"),
            Op::file("docs/index.html", "docs"),
            Op::file("a b/ü.txt", "odd"),
            Op::file("mod.wasm", crate::support::guests::guest("hello")),
        ],
    );
    let index = space.visit("/").expect(200);
    assert!(
        index
            .header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    let tag = index.header("etag").expect("a tag").to_owned();
    let again = space.send(&space.request("GET", "/").header("if-none-match", &*tag));
    assert_eq!(again.status, 304);
    assert!(again.body.is_empty());
    assert!(
        space
            .visit("/app.js")
            .expect(200)
            .header("content-type")
            .unwrap()
            .contains("javascript")
    );
    assert_eq!(
        space.visit("/mod.wasm").expect(200).header("content-type"),
        Some("application/wasm")
    );
    assert_eq!(
        space.visit("/a%20b/%C3%BC.txt?v=1").expect(200).text(),
        "odd"
    );
    let part = space.send(
        &space
            .request("GET", "/data.bin")
            .header("range", "bytes=3-5"),
    );
    assert_eq!(part.expect(206).text(), "345");
    // A download that was broken off goes on where the file is still the same, and begins anew where it is not.
    let whole = space.visit("/data.bin").expect(200);
    let of_now = whole.header("last-modified").unwrap().to_owned();
    let resumed = |known: &str| {
        let request = space
            .request("GET", "/data.bin")
            .header("range", "bytes=8-");
        space.send(&request.header("if-range", known))
    };
    assert_eq!(resumed(&of_now).expect(206).text(), "89");
    for other in ["Thu, 01 Jan 2015 00:00:00 GMT", "\"an-etag\""] {
        assert_eq!(resumed(other).expect(200).text(), "0123456789");
    }
    // What is no single part is answered whole.
    for ranges in ["bytes=0-1,4-5", "bytes=0-1, -2", "lines=1-2", "bytes=5-4"] {
        let whole = space.send(&space.request("GET", "/data.bin").header("range", ranges));
        assert_eq!(whole.expect(200).text(), "0123456789", "{ranges}");
    }
    let beyond = space.send(
        &space
            .request("GET", "/data.bin")
            .header("range", "bytes=99-"),
    );
    assert_eq!(beyond.status, 416, "{beyond:?}");
    assert_eq!(space.visit("/docs/").expect(200).text(), "docs");
    let slash = space.visit("/docs");
    assert!(
        matches!(slash.status, 200 | 301 | 302 | 307 | 308),
        "{slash:?}"
    );
    assert_eq!(space.visit("/never.html").status, 404);
    let written = space.send(&space.request("POST", "/"));
    assert_eq!(written.status, 405, "{written:?}");
}

#[test]
fn what_is_not_part_of_the_site_is_not_served() {
    let server = Server::start();
    let alice = server.user("alice");
    let space = alice.publish("demo", &[card("sdk: static"), Op::file("index.html", "hi")]);
    for target in [
        "/.git/config",
        "/.git/HEAD",
        "/../x",
        "/%2e%2e/x",
        "/index.html/",
        "/index.html%00.png",
        "/\\etc\\passwd",
    ] {
        let answer = space.visit(target);
        assert!((400..500).contains(&answer.status), "{target}: {answer:?}");
    }
}

#[test]
fn text_says_its_charset_where_the_file_does_not_say_another() {
    let server = Server::start();
    let latin = b"<meta charset=iso-8859-1><p>gr\xfc\xdfe".to_vec();
    let wide: Vec<u8> = [0xfeff_u16, 0x68, 0x69].map(u16::to_le_bytes).concat();
    let space = server.user("alice").publish(
        "demo",
        &[
            card("sdk: static"),
            Op::file("index.html", "<h1>grüße</h1>"),
            Op::file("latin.html", latin.clone()),
            Op::file("wide.txt", wide),
            Op::file("style.css", "p { content: 'ü' }"),
            Op::file("app.js", "let a = 'ü'"),
            Op::file("data.json", "{}"),
            Op::file("drawing.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>"),
            Op::file("picture.png", "no text"),
            Op::file("empty.html", ""),
        ],
    );
    for (file, kind) in [
        ("", "text/html; charset=utf-8"),
        ("latin.html", "text/html"),
        ("wide.txt", "text/plain; charset=utf-16"),
        ("style.css", "text/css; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("data.json", "application/json; charset=utf-8"),
        ("drawing.svg", "image/svg+xml; charset=utf-8"),
        ("picture.png", "image/png"),
        ("empty.html", "text/html; charset=utf-8"),
    ] {
        let target = format!("/{file}");
        let whole = space.visit(&target).expect(200);
        assert_eq!(whole.header("content-type"), Some(kind), "{file}");
        let head = space.send(&space.request("HEAD", &target)).expect(200);
        for name in ["content-type", "content-length", "etag"] {
            assert_eq!(head.header(name), whole.header(name), "{file}: {name}");
        }
        assert!(head.body.is_empty());
    }
    assert_eq!(space.visit("/latin.html").expect(200).body, latin);
}

#[test]
fn a_card_isolates_its_pages_at_their_own_address_only() {
    let server = Server::start();
    let alice = server.user("alice");
    let fields = "sdk: static\ncustom_headers:\n  Cross-Origin-Embedder-Policy: require-corp\n  \
                  Cross-Origin-Opener-Policy: same-origin\n  Set-Cookie: a=b";
    let files = [card(fields), Op::file("index.html", "isolated")];
    let space = alice.publish("demo", &files);
    for target in ["/", "/index.html", "/nothing"] {
        let answer = space.visit(target);
        let isolates = |name: &str| answer.header(name).unwrap_or_default().to_owned();
        assert_eq!(isolates("cross-origin-embedder-policy"), "require-corp");
        assert_eq!(isolates("cross-origin-opener-policy"), "same-origin");
        assert_eq!(answer.header("set-cookie"), None);
    }
    let below = alice.get("/run/alice/demo/").expect(200);
    assert_eq!(below.text(), "isolated");
    for name in ["cross-origin-embedder-policy", "cross-origin-opener-policy"] {
        assert_eq!(below.header(name), None, "{name}");
    }
}

//! Files served as they are.

use std::io::{Read, Write};
use std::time::Duration;

use serde_json::json;

use crate::support::http::Answer;
use crate::support::{Op, Server, card, eventually};

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
    let of_now = whole.header("etag").unwrap().to_owned();
    let resumed = |known: &str| {
        let request = space
            .request("GET", "/data.bin")
            .header("range", "bytes=8-");
        space.send(&request.header("if-range", known))
    };
    assert_eq!(resumed(&of_now).expect(206).text(), "89");
    for other in [
        "Thu, 01 Jan 2015 00:00:00 GMT",
        "\"an-etag\"",
        &format!("W/{of_now}"),
    ] {
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

#[test]
fn pages_are_told_the_variables_and_never_the_secrets() {
    let server = Server::start();
    let alice = server.user("alice");
    let page = "<!doctype html><html><head><meta http-equiv=\"Content-Security-Policy\" content=\"script-src 'self'\">\
                <script src=app.js></script></head></html>";
    let files = [
        card("sdk: static"),
        Op::file("index.html", page),
        Op::file("app.js", "let a = 1"),
    ];
    let space = alice.publish("demo", &files);
    let before = space.visit("/").expect(200);
    assert_eq!(before.text(), page);
    let tag = |answer: &Answer| answer.header("etag").expect("a tag").to_owned();
    let hostile = "</script><script>alert(1)//";
    space
        .post("/secrets", &json!({"key": "KEY", "value": "hidden-value"}))
        .expect(200);
    space
        .post("/variables", &json!({"key": "MODEL", "value": hostile}))
        .expect(200);
    let told = "<head><script>window.huggingface={variables:{\"MODEL\":\
                \"\\u003c/script\\u003e\\u003cscript\\u003ealert(1)//\"}};</script><meta";
    let after = eventually(Duration::from_secs(20), "the page is told", || {
        Some(space.visit("/").expect(200)).filter(|page| page.text().contains("huggingface"))
    });
    assert_eq!(after.text(), page.replace("<head><meta", told));
    assert!(!after.text().contains("hidden-value"));
    assert_ne!(tag(&after), tag(&before));
    let again = |tag: String| space.send(&space.request("GET", "/").header("if-none-match", tag));
    again(tag(&after)).expect(304);
    again(tag(&before)).expect(200);
    assert_eq!(space.visit("/app.js").expect(200).text(), "let a = 1");
    let head = space.send(&space.request("HEAD", "/")).expect(200);
    assert_eq!(
        head.header("content-length"),
        after.header("content-length")
    );
}

#[test]
fn a_page_in_a_folder_finds_what_lies_beside_it() {
    let server = Server::start();
    let files = [
        card("sdk: static\napp_file: dist/index.html"),
        Op::file("dist/index.html", "<script src=./assets/a.js></script>"),
        Op::file("dist/assets/a.js", "built"),
    ];
    let space = server.user("alice").publish("demo", &files);
    let led = space.visit("/?a=b").expect(307);
    assert_eq!(led.header("location"), Some("/dist/?a=b"));
    assert!(
        space
            .visit("/dist/")
            .expect(200)
            .text()
            .contains("./assets")
    );
    // Also what a bundler made for the root.
    for path in ["/dist/assets/a.js", "/assets/a.js"] {
        assert_eq!(space.visit(path).expect(200).text(), "built", "{path}");
    }
    space.visit("/assets/b.js").expect(404);
}

#[test]
fn text_is_compressed_and_what_is_compressed_says_so() {
    let server = Server::start();
    let alice = server.user("alice");
    let text = "let grüße = 'a long text';\n".repeat(200);
    let gzipped = gzip(text.as_bytes());
    let packets = [0x47_u8; 400];
    let files = [
        card("sdk: static"),
        Op::file("index.html", "hi"),
        Op::file("long.js", text.as_str()),
        Op::file("short.js", "let a = 1"),
        Op::file("picture.png", text.as_str()),
        Op::file("drawing.svgz", gzip(b"<svg/>")),
        Op::file("packed.js.gz", gzipped.clone()),
        Op::file("rows.csv.gz", gzipped.clone()),
        Op::file("video.ts", packets),
        Op::file("main.ts", "const a: number = 1"),
    ];
    let space = alice.publish("demo", &files);
    let ask = |path: &str, accepts: &str| {
        space.send(
            &space
                .request("GET", path)
                .header("accept-encoding", accepts),
        )
    };
    let browser = "gzip, deflate, br, zstd";
    let brotli = ask("/long.js", browser).expect(200);
    assert_eq!(brotli.header("content-encoding"), Some("br"));
    assert_eq!(brotli.header("vary"), Some("accept-encoding"));
    let mut read = Vec::new();
    brotli::Decompressor::new(&brotli.body[..], 4096)
        .read_to_end(&mut read)
        .expect("Brotli");
    assert_eq!(read, text.as_bytes());
    let zipped = ask("/long.js", "gzip").expect(200);
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert!(zipped.body.len() < text.len() / 4);
    let plain = space.visit("/long.js").expect(200);
    assert_eq!(
        (plain.header("content-encoding"), plain.text()),
        (None, text.clone())
    );
    // Three things, each of which is known again.
    let tags = [&brotli, &zipped, &plain].map(|answer| answer.header("etag").unwrap().to_owned());
    assert!(
        tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2],
        "{tags:?}"
    );
    for (tag, accepts) in tags.iter().zip([browser, "gzip", "identity"]) {
        let request = space
            .request("GET", "/long.js")
            .header("accept-encoding", accepts);
        space
            .send(&request.header("if-none-match", &**tag))
            .expect(304);
    }
    let part = space
        .request("GET", "/long.js")
        .header("accept-encoding", browser);
    let part = space.send(&part.header("range", "bytes=0-2")).expect(206);
    assert_eq!(
        (part.text().as_str(), part.header("content-encoding")),
        ("let", None)
    );
    for (path, accepts, kind, coding) in [
        ("/short.js", browser, "text/javascript; charset=utf-8", None),
        ("/picture.png", browser, "image/png", None),
        ("/drawing.svgz", "identity", "image/svg+xml", Some("gzip")),
        ("/packed.js.gz", browser, "text/javascript", Some("gzip")),
        ("/packed.js.gz", "identity", "application/gzip", None),
        ("/rows.csv.gz", browser, "application/gzip", None),
        ("/video.ts", browser, "video/mp2t", None),
        ("/main.ts", browser, "text/plain; charset=utf-8", None),
    ] {
        let answer = ask(path, accepts).expect(200);
        assert_eq!(answer.header("content-type"), Some(kind), "{path}");
        assert_eq!(answer.header("content-encoding"), coding, "{path}");
    }
    assert_eq!(ask("/packed.js.gz", browser).body, gzipped);
    // What is as it was has the tag it had, whatever was there between.
    space.commit(&[Op::file("long.js", "short")]);
    let now = |text: &str| space.visit("/long.js").text() == text;
    eventually(Duration::from_secs(20), "it has changed", || {
        now("short").then_some(())
    });
    space.commit(&[Op::file("long.js", text.as_str())]);
    eventually(Duration::from_secs(20), "it is back", || {
        now(&text).then_some(())
    });
    let back = space.visit("/long.js").expect(200);
    assert_eq!(back.header("etag"), plain.header("etag"));
    assert_eq!(back.header("last-modified"), None);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    coder.write_all(bytes).expect("in memory");
    coder.finish().expect("in memory")
}

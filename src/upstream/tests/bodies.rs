//! Bodies: broken off, on their way, waited for.

use super::*;

#[tokio::test]
async fn a_body_that_breaks_off_is_seen_to() {
    for (words, whole) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", false),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
            false,
        ),
        ("HTTP/1.1 200 OK\r\n\r\nhello", true),
        ("HTTP/1.0 200 OK\r\n\r\nhello", true),
        (
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
            true,
        ),
    ] {
        let instance = Instance::play(vec![Scene::SaysLast(words)].leak()).await;
        let pool = Arc::default();
        let text = instance.call(&pool, get()).await.expect("a head");
        assert_eq!(text == "hello", whole, "{words:?}: {text}");
        assert_eq!(pool.len(), 0, "{words:?}");
    }
}

#[tokio::test]
async fn an_answer_may_come_before_the_uploads_end() {
    let instance = Instance::play(&[Scene::Says(HELLO)]).await;
    let pool = Arc::default();
    // The script answers as soon as it has the head; the body never ends.
    let pieces = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(b"more")), ()))
    });
    let answer = instance.call(&pool, post(Body::from_stream(pieces))).await;
    assert_eq!(answer.expect("answered"), "hello");
    assert_eq!(pool.len(), 0);
}

#[tokio::test]
async fn a_body_waits_until_it_is_wanted() {
    const WANTED: &str = "HTTP/1.1 100 Continue\r\n\r\n";
    const TOO_LARGE: &str = "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n";
    async fn upload(words: &'static str) -> (u16, bool) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let instance = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("connected");
            let mut read = Vec::new();
            while !read.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut read).await.expect("a head");
            }
            stream.write_all(words.as_bytes()).await.expect("sent");
            if words == WANTED {
                let mut body = [0; 4];
                stream.read_exact(&mut body).await.expect("a body");
                stream.write_all(HELLO.as_bytes()).await.expect("sent");
            }
            stream
        });
        let sent = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&sent);
        let pieces = stream::iter(["body"]).map(move |piece| {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Infallible>(piece)
        });
        let mut request = post(Body::from_stream(pieces));
        let headers = request.headers_mut();
        headers.insert("expect", "100-continue".parse().expect("a value"));
        headers.insert("content-length", "4".parse().expect("a value"));
        let response = call(&Arc::default(), address, request).await;
        drop(instance.await.expect("played"));
        let status = response.expect("answered").status().as_u16();
        (status, sent.load(Ordering::SeqCst) > 0)
    }
    use futures_util::StreamExt as _;
    assert_eq!(upload(WANTED).await, (200, true));
    assert_eq!(upload(TOO_LARGE).await, (413, false));
}

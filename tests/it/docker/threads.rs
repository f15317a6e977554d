//! `server.threads`: a crowd at a container is served by one thread as by several.

use crate::support::DockerServer;
use crate::support::docker::python;

/// Says what it was asked, on connections that stay.
const APP: &str = r#"
import http.server

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        body = self.path.encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("0.0.0.0", 7860), Handler).serve_forever()
"#;

#[test]
fn everybody_in_a_crowd_has_their_own_answer() {
    for threads in ["1", "4"] {
        let server = DockerServer::with(&[("SERVER__THREADS", threads)]);
        let alice = server.user("alice");
        let space = alice.publish_container("app", &python(APP, ""));
        std::thread::scope(|crowd| {
            for visitor in 0..16 {
                let space = &space;
                crowd.spawn(move || {
                    for number in 0..40 {
                        let path = format!("/{visitor}/{number}");
                        assert_eq!(space.visit(&path).expect(200).text(), path);
                    }
                });
            }
        });
    }
}

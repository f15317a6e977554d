//! A list of hosts in a container's card: those are reached by a proxy, and no others.

use crate::support::docker::{PYTHON_IMAGE, app, docker};
use crate::support::{DockerServer, Space, eventually};
use std::time::Duration;

/// Another machine: a stranger's container, on the engine's own network. Its drop removes it.
struct Machine {
    id: String,
    address: String,
}

impl Machine {
    fn start() -> Self {
        let serve = "import http.server as h, threading as t
class H(h.SimpleHTTPRequestHandler):
    def do_GET(self):
        body = repr((self.path, sorted(self.headers.keys()))).encode()
        self.send_response(200)
        self.send_header('content-length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
t.Thread(target=h.HTTPServer(('', 8001), H).serve_forever).start()
h.HTTPServer(('', 8000), H).serve_forever()";
        let id = docker(&["run", "-d", "--rm", PYTHON_IMAGE, "python", "-c", serve]).unwrap();
        let shown = "{{.NetworkSettings.IPAddress}}";
        let address = docker(&["inspect", "--format", shown, &id]).unwrap();
        let machine = Self { id, address };
        eventually(Duration::from_secs(20), "it listens", || {
            std::net::TcpStream::connect((machine.address.as_str(), 8001)).ok()
        });
        machine
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = docker(&["rm", "-f", &self.id]);
    }
}

/// Asks for an address as programs do that know of proxies, in the clear or through a tunnel.
fn get(space: &Space<'_>, host: &str, port: u16, tunnel: bool) -> String {
    space.exec(&format!(
        r#"
        import http.client, urllib.error, urllib.request, urllib.parse
        try:
            if {tunnel}:
                proxy = urllib.parse.urlsplit(os.environ["HTTPS_PROXY"])
                connection = http.client.HTTPConnection(proxy.hostname, proxy.port, timeout=10)
                connection.set_tunnel("{host}", {port})
                connection.request("GET", "/there?x=1")
                print(connection.getresponse().read().decode())
            else:
                print(urllib.request.urlopen("http://{host}:{port}/there?x=1", timeout=10).read().decode())
        except urllib.error.HTTPError as error:
            print(error.code, error.read().decode())
        except OSError as error:
            print(error)
        "#,
        tunnel = if tunnel { "True" } else { "False" }
    ))
}

#[test]
fn listed_hosts_are_reached_and_others_are_denied_and_told() {
    let machine = Machine::start();
    let host = machine.address.as_str();
    let mut server = DockerServer::with(&[("DOCKER__EGRESS_PRIVATE", "true")]);
    let alice = server.user("alice");
    let card = format!("egress: ['{host}:8000', 'localhost:22']");
    let space = alice.publish_container("app", &app("here", &card));
    for tunnel in [false, true] {
        let listed = get(&space, host, 8000, tunnel);
        assert!(listed.contains("/there?x=1"), "{listed}");
        assert!(!listed.to_lowercase().contains("proxy"), "{listed}");
        let other = get(&space, host, 8001, tunnel);
        assert!(other.contains("403"), "{other}");
        // The server's own machine is nobody's to reach, whatever a card lists.
        let own = get(&space, "localhost.", 22, tunnel);
        assert!(!own.contains("SSH") && !own.contains("/there"), "{own}");
    }
    let direct = space.exec(&format!(
        "
        try:
            socket.create_connection(('{host}', 8000), 3)
            print('open')
        except OSError as error:
            print(type(error).__name__)
        "
    ));
    assert_ne!(direct, "open\n");
    let log = space.log("run").join("\n");
    let denied = format!("A connection was denied: the card's `egress` does not name {host}:8001.");
    assert_eq!(log.matches(&denied).count(), 2, "{log}");
    assert!(
        log.contains("localhost leads to an address of this machine"),
        "{log}"
    );
    let runtime = space.runtime();
    let limits = runtime["limits"].as_array().unwrap();
    let network = limits.iter().find(|limit| limit["name"] == "network");
    let network = network.unwrap()["value"].as_str().unwrap();
    assert!(
        network.contains(&format!("through a proxy to {host}:8000")),
        "{network}"
    );

    // A server that was killed adopts it, and the way stays open.
    server.kill();
    server.launch();
    let alice = crate::support::Hub {
        name: "alice".into(),
        ..server.anonymous()
    };
    let space = alice.space("app");
    space.visit("/").expect(200);
    let listed = get(&space, host, 8000, true);
    assert!(listed.contains("/there?x=1"), "{listed}");
}

#[test]
fn private_networks_are_no_part_of_the_internet() {
    let machine = Machine::start();
    let host = machine.address.as_str();
    let server = DockerServer::start();
    let alice = server.user("alice");
    let card = format!("egress: ['{host}:8000']");
    let space = alice.publish_container("app", &app("here", &card));
    let output = get(&space, host, 8000, false);
    assert!(
        output.contains("403") && output.contains("private network"),
        "{output}"
    );
    // One that lists nothing is told so as well.
    let other = alice.publish_container("other", &app("here", ""));
    let output = get(&other, "example.org", 443, true);
    assert!(output.contains("403"), "{output}");
    let log = other.log("run").join("\n");
    assert!(log.contains("does not name example.org:443"), "{log}");
}

#[test]
fn an_operator_says_how_far_cards_may_go() {
    let server = DockerServer::with(&[("DOCKER__EGRESS", "\"listed\"")]);
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = space.fails(&app("", "egress: internet"), "CONFIG_ERROR");
    assert!(
        message.contains("README.md:") && message.contains("a list of hosts"),
        "{message}"
    );
}

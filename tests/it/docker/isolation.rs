//! What a container can reach: its visitors, and what its card asks for.

use crate::support::docker::{app, docker};
use crate::support::{DockerServer, Space};
use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

/// Tries to connect; what came of each: `open`, or the name of the error.
fn connections(space: &Space<'_>, targets: &[(String, u16)]) -> Vec<String> {
    let targets = serde_json::to_string(targets).unwrap();
    let output = space.exec(&format!(
        r#"
        from concurrent.futures import ThreadPoolExecutor
        def attempt(target):
            try:
                socket.create_connection(target, 3).close()
                return "open"
            except OSError as error:
                return type(error).__name__
        with ThreadPoolExecutor(20) as pool:
            for said in pool.map(attempt, map(tuple, json.loads('{targets}'))):
                print(said)
        "#
    ));
    output.lines().map(str::to_owned).collect()
}

fn address_of(server: &DockerServer, space: &Space<'_>) -> String {
    let container = server.container(space);
    let networks = container["NetworkSettings"]["Networks"]
        .as_object()
        .unwrap();
    assert_eq!(networks.len(), 1, "{networks:?}");
    let network = networks.values().next().unwrap();
    network["IPAddress"].as_str().unwrap().to_owned()
}

fn gateway_of(server: &DockerServer, space: &Space<'_>) -> String {
    let container = server.container(space);
    let networks = container["NetworkSettings"]["Networks"]
        .as_object()
        .unwrap();
    let name = networks.keys().next().unwrap();
    let shown = docker(&["network", "inspect", name]).unwrap();
    let network: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let gateway = &network[0]["IPAM"]["Config"][0]["Gateway"];
    let subnet = network[0]["IPAM"]["Config"][0]["Subnet"]
        .as_str()
        .unwrap()
        .to_owned();
    gateway
        .as_str()
        .map(|address| address.split('/').next().unwrap().to_owned())
        .unwrap_or_else(|| {
            // The first address of the subnet, when the engine does not say.
            let base: std::net::Ipv4Addr = subnet.split('/').next().unwrap().parse().unwrap();
            std::net::Ipv4Addr::from(u32::from(base) + 1).to_string()
        })
}

/// An address of this host on the way out.
fn host_address() -> String {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("203.0.113.1:9").unwrap();
    socket.local_addr().unwrap().ip().to_string()
}

/// The engine's own bridge, on which strangers' containers are.
fn default_bridge() -> String {
    let shown = docker(&[
        "network",
        "inspect",
        "bridge",
        "--format",
        "{{(index .IPAM.Config 0).Gateway}}",
    ])
    .unwrap();
    if shown.is_empty() {
        "172.17.0.1".into()
    } else {
        shown
    }
}

#[test]
fn neither_the_host_nor_other_spaces_nor_the_metadata_address_can_be_reached() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let bob = server.user("bob");
    let space = alice.publish_container("app", &app("alice", ""));
    let online = alice.publish_container("online", &app("online", "egress: internet"));
    let other = bob.publish_container("app", &app("bob", ""));
    let other_online = bob.publish_container("online", &app("bob online", "egress: internet"));
    // Somebody listens on every address of this host.
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            stream
                .set_read_timeout(Some(Duration::from_secs(1)))
                .unwrap();
            let _ = stream.read(&mut [0; 16]);
        }
    });
    for space in [&space, &online] {
        let mut targets = vec![
            (gateway_of(&server, space), port),
            (host_address(), port),
            (default_bridge(), port),
            (host_address(), server.address.port()),
            (gateway_of(&server, space), 22),
            ("169.254.169.254".to_owned(), 80),
            (address_of(&server, &other), 7860),
            (address_of(&server, &other_online), 7860),
            (gateway_of(&server, &other), port),
            ("10.255.255.254".to_owned(), 80),
            ("192.168.1.1".to_owned(), 80),
            ("::1".to_owned(), port),
        ];
        if space.id == online.id {
            // A Space of the same owner is another Space.
            let sibling = alice.publish_container("sibling", &app("sibling", ""));
            targets.push((address_of(&server, &sibling), 7860));
        }
        let found = connections(space, &targets);
        assert_eq!(found.len(), targets.len(), "{found:?}");
        let reached: Vec<_> = targets
            .iter()
            .zip(&found)
            .filter(|(_, found)| *found == "open")
            .collect();
        assert!(reached.is_empty(), "{} reaches {reached:?}", space.id);
    }
    // The same questions get an answer from where they may be asked, so that they mean something.
    assert_eq!(other.visit("/").expect(200).text(), "bob");
    assert_eq!(other_online.visit("/").expect(200).text(), "bob online");
}

#[test]
fn the_internet_is_there_for_who_asks_and_for_nobody_else() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let offline = alice.publish_container("offline", &app("", ""));
    let online = alice.publish_container("online", &app("", "egress: internet"));
    let index = r#"
        import urllib.request
        try:
            print(urllib.request.urlopen("https://pypi.org/simple/tinydb/", timeout=15).status)
        except Exception as error:
            print(type(error).__name__, error)
    "#;
    assert_eq!(online.exec(index).trim(), "200");
    let output = offline.exec(index);
    assert!(!output.contains("200"), "{output}");
    let names = offline.exec(
        r#"
        for name in ["pypi.org", "localhost.example", "metadata.google.internal"]:
            try: print(socket.gethostbyname(name))
            except OSError as error: print("no", error)
        "#,
    );
    assert_eq!(
        names.lines().filter(|line| line.starts_with("no")).count(),
        3,
        "{names}"
    );
}

#[test]
fn an_operator_without_egress_refuses_the_card() {
    let server = DockerServer::with(&[("DOCKER__EGRESS", "none")]);
    let alice = server.user("alice");
    let space = alice.create("app");
    let message = space.fails(&app("", "egress: internet"), "CONFIG_ERROR");
    assert!(
        message.contains("README.md:") && message.contains("egress"),
        "{message}"
    );
}

/// Networks of somebody else; they go with this value.
struct Strangers(Vec<String>);

impl Drop for Strangers {
    fn drop(&mut self) {
        for id in &self.0 {
            let _ = docker(&["network", "rm", id]);
        }
    }
}

#[test]
fn networks_do_not_run_out_where_the_engines_own_do() {
    let mut strangers = Strangers(Vec::new());
    // The engine's defaults end at thirty or so.
    let error = loop {
        assert!(
            strangers.0.len() < 300,
            "the engine has more networks than it is known for"
        );
        match docker(&[
            "network",
            "create",
            &format!(
                "glasshouse-test-{}-{}",
                std::process::id(),
                strangers.0.len()
            ),
        ]) {
            Ok(id) => strangers.0.push(id),
            Err(error) => break error,
        }
    };
    assert!(error.contains("address pool"), "{error}");
    let server = DockerServer::start();
    let alice = server.user("alice");
    for name in ["one", "two"] {
        let space = alice.publish_container(name, &app(name, ""));
        assert_eq!(space.visit("/").expect(200).text(), name);
    }
}

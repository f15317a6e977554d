//! What keeps containers in is looked at while they run.

/// In namespaces of its own, a server's folders and networks are not the engine's.
mod root {
    use crate::support::server::BINARY;
    use serde_json::Value;
    use std::process::Command;

    /// What `doctor` says of the engine's place when it is run by `sh` after `before`, in new namespaces of those kinds.
    fn place(namespaces: &[&str], before: &str) -> Value {
        let data = tempfile::tempdir().unwrap();
        let mut command = Command::new("unshare");
        command.args(namespaces).args(["sh", "-c"]);
        command.arg(format!("{before}; exec \"$1\" --json doctor --data \"$2\""));
        command.arg("sh").arg(BINARY).arg(data.path());
        let output = command.output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {output:?}"));
        let checks = answer["checks"].as_array().unwrap();
        let place = checks
            .iter()
            .find(|check| check["name"] == "engine's place");
        place.unwrap_or_else(|| panic!("{answer:#}")).clone()
    }

    #[test]
    fn an_engine_elsewhere_is_told_from_one_here() {
        let here = place(&["--uts"], "true");
        assert_eq!(here["verdict"], "good", "{here:#}");
        let folders = place(&["--mount"], "mount -t tmpfs none \"$2\"");
        assert_eq!(folders["verdict"], "limited", "{folders:#}");
        let advice = folders["advice"].as_str().unwrap();
        assert!(advice.contains("data folder"), "{advice}");
        let networks = place(&["--net", "--mount"], "mount -t sysfs none /sys");
        let advice = networks["advice"].as_str().unwrap_or_default();
        assert!(advice.contains("same network"), "{networks:#}");
    }
}

mod alone {
    use crate::support::docker::app;
    use crate::support::{DockerServer, Space, eventually};
    use std::net::TcpListener;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;
    use std::time::Duration;

    fn iptables(arguments: &[&str]) -> bool {
        let mut command = Command::new("iptables");
        command.args(["-w", "5"]).args(arguments);
        command.output().is_ok_and(|output| output.status.success())
    }

    /// Connects to this host from inside and stays connected: `open`, or the name of the error.
    fn connects(space: &Space<'_>, port: u16) -> String {
        let answer = space.exec(&format!(
            r#"
            gateway = [line.split()[2] for line in open("/proc/net/route") if line.split()[1] == "00000000"]
            own = socket.inet_aton(socket.gethostbyname(socket.gethostname()))
            host = socket.inet_ntoa(own[:3] + bytes([own[3] // 8 * 8 + 1]))
            try:
                kept = socket.create_connection((host, {port}), 2)
                print("open")
            except OSError as error:
                print(type(error).__name__)
            "#
        ));
        answer.trim().to_owned()
    }

    fn listen() -> u16 {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || listener.incoming().flatten().collect::<Vec<_>>());
        port
    }

    #[test]
    fn rules_that_something_removes_are_put_back() {
        let server = DockerServer::start();
        let alice = server.user("alice");
        let space = alice.publish_container("app", &app("here", ""));
        let port = listen();
        assert_ne!(connects(&space, port), "open");
        let removals: [&[&str]; 4] = [
            &["-F", "GLASSHOUSE-INPUT"],
            &["-D", "INPUT", "-i", "ghn+", "-j", "GLASSHOUSE-INPUT"],
            &["-I", "INPUT", "-j", "ACCEPT"],
            &["-D", "FORWARD", "-j", "DOCKER-USER"],
        ];
        for removal in removals {
            assert!(iptables(removal), "{removal:?}");
            // Two looks later it is as it was.
            std::thread::sleep(Duration::from_secs(3));
            assert_ne!(connects(&space, port), "open", "{removal:?}");
            assert!(iptables(&["-C", "FORWARD", "-j", "DOCKER-USER"]));
        }
        while iptables(&["-D", "INPUT", "-j", "ACCEPT"]) {}
        assert!(
            server.log().contains("they have been restored"),
            "{}",
            server.log()
        );
        assert_eq!(space.visit("/").expect(200).text(), "here");
    }

    #[test]
    fn where_they_cannot_be_put_back_containers_stop_until_they_can() {
        // A program of that name that does what it is told to.
        let folder = tempfile::tempdir().unwrap();
        let broken = folder.path().join("broken");
        for name in ["iptables-save", "iptables-restore"] {
            let program = folder.path().join(name);
            let real = format!("/usr/sbin/{name}");
            let text = format!(
                "#!/bin/sh\nif [ -e {} ]; then echo no >&2; exit 4; fi\nexec {real} \"$@\"\n",
                broken.display()
            );
            std::fs::write(&program, text).unwrap();
            std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        }
        let path = format!(
            "{}:{}",
            folder.path().display(),
            std::env::var("PATH").unwrap()
        );
        let server = DockerServer::with(&[("PATH", &path)]);
        let alice = server.user("alice");
        let space = alice.publish_container("app", &app("here", ""));
        let first = server.container(&space)["Id"].clone();
        std::fs::write(&broken, "").unwrap();
        eventually(Duration::from_secs(30), "it is stopped", || {
            server.containers(&space).is_empty().then_some(())
        });
        eventually(Duration::from_secs(10), "its author is told", || {
            space
                .error_message()
                .contains("docker.isolation")
                .then_some(())
        });
        std::fs::remove_file(&broken).unwrap();
        eventually(Duration::from_secs(90), "it runs again", || {
            (space.stage() == "RUNNING").then_some(())
        });
        assert_ne!(server.container(&space)["Id"], first);
        assert_eq!(space.visit("/").expect(200).text(), "here");
    }
}

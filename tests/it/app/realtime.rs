//! `server.realtime`: the threads that talk to clients go first, and no other does.

mod root {
    use std::fs;
    use std::process::Command;

    use crate::support::{Server, static_site};

    /// SCHED_OTHER, SCHED_RR and SCHED_BATCH of sched(7), as /proc/PID/stat shows them.
    const ORDINARY: &str = "0";
    const ROUND_ROBIN: &str = "2";
    const BATCH: &str = "3";

    #[test]
    fn only_the_threads_that_talk_to_clients_go_first() {
        only("2", &["tokio-rt-worker", "tokio-rt-worker"]);
    }

    #[test]
    fn a_single_thread_is_the_servers_own() {
        only("1", &["glasshouse"]);
    }

    fn only(number: &str, these: &[&str]) {
        let server = Server::with(&[("SERVER__REALTIME", "true"), ("SERVER__THREADS", number)]);
        let alice = server.user("alice");
        alice
            .publish("site", &static_site("here"))
            .visit("/")
            .expect(200);
        let threads = policies(server.process());
        let first = threads.iter().filter(|(_, policy)| policy == ROUND_ROBIN);
        let first: Vec<_> = first.map(|(name, _)| name.as_str()).collect();
        assert_eq!(first, these, "{threads:?}");
        let of = |wanted: &str| -> Vec<&str> {
            let named = threads.iter().filter(|(name, _)| name.starts_with(wanted));
            named.map(|(_, policy)| policy.as_str()).collect()
        };
        let guests = of("guest-");
        assert!(guests.len() > 1, "{threads:?}");
        assert!(
            guests
                .iter()
                .all(|policy| [ORDINARY, BATCH].contains(policy)),
            "{threads:?}"
        );
        assert!(of("tokio-rt-worker").contains(&ORDINARY), "{threads:?}");
    }

    #[test]
    fn who_may_not_is_told_what_to_give() {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new("setpriv")
            .args(["--bounding-set=-sys_nice", "--inh-caps=-sys_nice"])
            .arg(env!("CARGO_BIN_EXE_glasshouse"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path())
            .env("GLASSHOUSE_SERVER__REALTIME", "true")
            .output()
            .unwrap();
        let answer = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{answer}");
        assert!(
            answer.contains("server.realtime") && answer.contains("CAP_SYS_NICE"),
            "{answer}"
        );
    }

    /// Name and scheduling policy of each thread.
    fn policies(process: u32) -> Vec<(String, String)> {
        fs::read_dir(format!("/proc/{process}/task"))
            .unwrap()
            .filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("stat")).ok())
            .map(|stat| {
                let (name, rest) = stat.split_once('(').unwrap().1.rsplit_once(')').unwrap();
                // Field 41 of proc_pid_stat(5); the first after the name is the third.
                let policy = rest.split_whitespace().nth(41 - 3).unwrap();
                (name.to_owned(), policy.to_owned())
            })
            .collect()
    }
}

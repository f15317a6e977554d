//! Every limit is the one that `docker inspect`, the cgroup and the container itself say.

use crate::support::docker::{app, docker};
use crate::support::{DockerServer, Space};
use serde_json::Value;
use std::fs;

const MIB: u64 = 1 << 20;

fn limit(space: &Space<'_>, name: &str) -> Value {
    let runtime = space.runtime();
    let limits = runtime["limits"].as_array().unwrap();
    let found = limits.iter().find(|limit| limit["name"] == name);
    found
        .unwrap_or_else(|| panic!("no limit {name}: {runtime:#}"))
        .clone()
}

#[test]
fn what_the_api_calls_enforced_is_what_the_engine_holds_it_to() {
    let server = DockerServer::with(&[("DOCKER__PIDS", "99")]);
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    let container = server.container(&space);
    let host = &container["HostConfig"];
    // cpu-basic: one core, 2 GiB.
    assert_eq!(host["NanoCpus"], 1_000_000_000u64, "{host:#}");
    assert_eq!(host["Memory"], 2048 * MIB, "{host:#}");
    assert_eq!(host["MemorySwap"], host["Memory"], "{host:#}");
    assert_eq!(host["PidsLimit"], 99, "{host:#}");
    assert_eq!(host["CapDrop"], serde_json::json!(["ALL"]), "{host:#}");
    assert!(host["CapAdd"].is_null(), "{host:#}");
    assert_eq!(host["Privileged"], false);
    assert_eq!(host["RestartPolicy"]["Name"], "no");
    assert!(
        host["PortBindings"]
            .as_object()
            .is_none_or(|ports| ports.is_empty()),
        "{host:#}"
    );
    assert!(
        host["SecurityOpt"]
            .to_string()
            .contains("no-new-privileges")
    );
    // Half of its memory; and nothing lies in memory without being asked for.
    assert_eq!(host["ShmSize"], 1024 * MIB, "{host:#}");
    assert!(host["Tmpfs"].is_null(), "{host:#}");
    assert!(host["LogConfig"]["Config"]["max-size"].is_string());
    assert!(host["OomScoreAdj"].as_i64().unwrap() > 0);
    let labels = &container["Config"]["Labels"];
    assert_eq!(labels["glasshouse.space"], "alice/app");
    assert_eq!(labels["glasshouse.data"], server.data_id());
    assert_eq!(labels["glasshouse.revision"], space.info()["sha"]);
    for name in [
        "cpu",
        "memory",
        "swap",
        "processes",
        "shared memory",
        "capabilities",
        "privileges",
        "system calls",
        "user",
        "network",
    ] {
        let limit = limit(&space, name);
        assert_eq!(limit["state"], "enforced", "{limit:#}");
    }
}

#[test]
fn the_kernel_says_the_same() {
    let server = DockerServer::with(&[("DOCKER__PIDS", "99")]);
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    let container = server.container(&space);
    let id = container["Id"].as_str().unwrap();
    let cgroup = |controller: &str, old: &str, new: &str| -> String {
        let first = format!("/sys/fs/cgroup/{controller}/docker/{id}/{old}");
        let unified = [
            format!("/sys/fs/cgroup/system.slice/docker-{id}.scope/{new}"),
            format!("/sys/fs/cgroup/docker/{id}/{new}"),
        ];
        let found = fs::read_to_string(&first)
            .or_else(|_| fs::read_to_string(&unified[0]))
            .or_else(|_| fs::read_to_string(&unified[1]));
        found
            .unwrap_or_else(|error| panic!("{first}: {error}"))
            .trim()
            .to_owned()
    };
    assert_eq!(
        cgroup("memory", "memory.limit_in_bytes", "memory.max"),
        (2048 * MIB).to_string()
    );
    assert_eq!(cgroup("pids", "pids.max", "pids.max"), "99");
    let swap = cgroup("memory", "memory.memsw.limit_in_bytes", "memory.swap.max");
    assert!(swap == (2048 * MIB).to_string() || swap == "0", "{swap}");
    let quota = cgroup("cpu", "cpu.cfs_quota_us", "cpu.max");
    assert!(quota == "100000" || quota == "100000 100000", "{quota}");
}

#[test]
fn more_hardware_is_more_and_read_back() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    space
        .post("/hardware", &serde_json::json!({"flavor": "cpu-nano"}))
        .expect(200);
    crate::support::eventually(
        std::time::Duration::from_secs(60),
        "a smaller container",
        || {
            let all = server.containers(&space);
            (all.len() == 1
                && all[0]["HostConfig"]["Memory"] == 256 * MIB
                && all[0]["HostConfig"]["NanoCpus"] == 250_000_000)
                .then_some(())
        },
    );
    space.wait_for("RUNNING");
    assert_eq!(space.visit("/").expect(200).text(), "here");
    assert_eq!(limit(&space, "memory")["value"], "256 MiB");
}

/// As the app itself finds it.
#[test]
fn inside_it_is_nobody_and_may_do_nothing() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    let status = space.exec("print(open('/proc/self/status').read())");
    let line = |name: &str| {
        let found = status.lines().find(|line| line.starts_with(name));
        found
            .unwrap_or_else(|| panic!("no {name}: {status}"))
            .to_owned()
    };
    for capabilities in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        let line = line(capabilities);
        assert!(line.ends_with("0000000000000000"), "{line}");
    }
    assert!(line("NoNewPrivs:").ends_with('1'));
    assert!(line("Seccomp:").ends_with('2'), "{}", line("Seccomp:"));
    assert_eq!(line("Uid:").split_whitespace().nth(1), Some("1000"));
    assert_eq!(line("Gid:").split_whitespace().nth(1), Some("1000"));
    let tried = space.exec(
        r#"
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        def attempt(name, call):
            try:
                call()
                print(name, "done")
            except OSError as error:
                print(name, error.errno)
        attempt("setuid", lambda: os.setuid(0))
        attempt("chroot", lambda: os.chroot("/tmp"))
        attempt("mknod", lambda: os.mknod("/tmp/disk", 0o60666, os.makedev(254, 0)))
        attempt("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
        attempt("kernel", lambda: open("/proc/sys/kernel/hostname", "w").write("x"))
        attempt("sysrq", lambda: open("/proc/sysrq-trigger", "w").write("b"))
        attempt("memory", lambda: open("/dev/mem", "rb"))
        attempt("socket", lambda: socket.socket(socket.AF_UNIX).connect("/var/run/docker.sock"))
        print("unshare", "done" if libc.unshare(0x10000000) == 0 else ctypes.get_errno())
        print("mount", "done" if libc.mount(b"none", b"/mnt", b"tmpfs", 0, None) == 0 else ctypes.get_errno())
        "#,
    );
    assert_eq!(tried.lines().count(), 10, "{tried}");
    assert!(!tried.contains("done"), "{tried}");
    // A program that would make its caller root does not.
    let su = space.exec(
        "print(subprocess.run(['su', '-c', 'id'], capture_output=True, text=True, input=''))",
    );
    assert!(!su.contains("uid=0"), "{su}");
}

#[test]
fn an_image_that_wants_to_be_root_is_not() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let mut files = app("here", "");
    for file in &mut files {
        if let crate::support::Op::File(path, content) = file
            && path == "Dockerfile"
        {
            content.extend(b"\nUSER root\nRUN cp /bin/sh /bin/rootsh && chmod 4755 /bin/rootsh\n");
        }
    }
    let space = alice.publish_container("app", &files);
    assert_eq!(
        space.exec("print(os.getuid(), os.getgroups())").trim(),
        "1000 [1000]"
    );
    let shell = space.exec("print(subprocess.run(['/bin/rootsh', '-p', '-c', 'id'], capture_output=True, text=True).stdout)");
    assert!(
        !shell.contains("uid=0") && !shell.contains("euid=0"),
        "{shell}"
    );
}

#[test]
fn memory_processes_and_shared_memory_end_where_they_should() {
    let server = DockerServer::with(&[
        ("DOCKER__PIDS", "40"),
        ("DOCKER__DEFAULT_HARDWARE", "cpu-nano"),
    ]);
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    // Threads: the app goes on answering, however many were refused.
    let threads = space.exec(
        r#"
        made = []
        try:
            for _ in range(100):
                made.append(threading.Thread(target=time.sleep, args=(1,)))
                made[-1].start()
        except RuntimeError as error:
            print(len(made), error)
        for thread in made[:-1]:
            thread.join()
        "#,
    );
    assert!(threads.contains("can't start new thread"), "{threads}");
    // cpu-nano: 256 MiB, of which half may be shared.
    let shared = space.exec(
        r#"
        try:
            with open("/dev/shm/large", "wb") as file:
                for _ in range(200): file.write(b"x" * (1 << 20))
        except OSError as error:
            print(error.errno, os.path.getsize("/dev/shm/large") >> 20)
        os.unlink("/dev/shm/large")
        "#,
    );
    assert!(shared.starts_with("28 12"), "{shared}");
    assert_eq!(space.visit("/").expect(200).text(), "here");
    // Its own processes may not be starved by a fork bomb either: it ends, it is ended, but all else goes on.
    let id = server.container(&space)["Id"].as_str().unwrap().to_owned();
    let processes = docker(&["top", &id]).unwrap();
    assert!(processes.lines().count() < 10, "{processes}");
}

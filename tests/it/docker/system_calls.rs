//! What programs in a container may ask the kernel for.

use crate::support::DockerServer;
use crate::support::docker::app;

/// Asks the kernel itself; what it said, 0 or more or minus the error.
const ASK: &str = r#"
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def ask(number, *arguments):
    answer = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
    return answer if answer >= 0 else -ctypes.get_errno()
"#;

#[test]
fn the_list_is_in_force_and_said_to_be() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    let runtime = space.runtime();
    let limits = runtime["limits"].as_array().unwrap();
    let calls = limits.iter().find(|limit| limit["name"] == "system calls");
    let calls = calls.unwrap_or_else(|| panic!("{runtime:#}"));
    assert_eq!(calls["state"], "enforced", "{calls:#}");
    assert!(
        calls["value"].as_str().unwrap().contains("VSOCK"),
        "{calls:#}"
    );
    assert!(
        space
            .exec("print(open('/proc/self/status').read())")
            .contains("Seccomp:\t2")
    );
    let refused = space.exec(&format!(
        "{ASK}
print([name for name, wanted in [
    ('VSOCK', lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)),
    ('ALG', lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)),
    ('PACKET', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)),
    ('netfilter', lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)),
    ('SCTP', lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)),
    ('VSOCK pair', lambda: socket.socketpair(socket.AF_VSOCK)),
    ('device', lambda: os.mknod('/tmp/null', 0o20666, os.makedev(0, 0))),
] if not refuses(wanted)])
"
    ).replace("print([", "def refuses(wanted):\n    try: wanted()\n    except PermissionError: return True\nprint(["));
    assert_eq!(refused.trim(), "[]");
    // Numbers of x86-64 and of everywhere else (Linux, `arch/x86/entry/syscalls/syscall_64.tbl`).
    if cfg!(target_arch = "x86_64") {
        let denied = space.exec(&format!(
            "{ASK}
print([(name, ask(*call)) for name, call in dict(
    bpf=(321, 0, 0, 0), perf_event_open=(298, 0, 0, 0, 0, 0), keyctl=(250, 0, 0), userfaultfd=(323, 0),
    unshare=(272, 0x10000000), clone=(56, 0x10000011, 0, 0, 0, 0), ptrace=(101, 0, 0, 0, 0), setns=(308, 0, 0),
    process_vm_readv=(310, 1, 0, 0, 0, 0, 0), name_to_handle_at=(303, 0, 0, 0, 0, 0), open_tree=(428, 0, 0, 0),
).items() if ask(*call) != -1])
print([ask(call, 0, 0) for call in (435, 425, 426, 427)])
"
        ));
        // What does not exist is done without: `ENOSYS`.
        assert_eq!(denied, "[]\n[-38, -38, -38, -38]\n");
    }
}

#[test]
fn what_apps_do_is_allowed() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    let space = alice.publish_container("app", &app("here", ""));
    let message = space.exec(
        r#"
        import asyncio, ctypes, mmap, multiprocessing, signal, sqlite3, tempfile
        from concurrent.futures import ThreadPoolExecutor
        from multiprocessing import shared_memory
        with ThreadPoolExecutor(16) as pool: print(sum(pool.map(abs, range(1000))))
        with multiprocessing.get_context("fork").Pool(2) as pool: print(sum(pool.map(abs, range(1000))))
        block = shared_memory.SharedMemory(create=True, size=1 << 20); block.close(); block.unlink()
        print(subprocess.run("echo piped | tr a-z A-Z", shell=True, capture_output=True, text=True).stdout.strip())
        async def run():
            made = await asyncio.create_subprocess_exec("true")
            return await made.wait()
        print(asyncio.new_event_loop().run_until_complete(run()) if hasattr(os, "pidfd_open") else 0)
        pair = socket.socketpair(); pair[0].send(b"x"); print(pair[1].recv(1))
        os.mkfifo("/tmp/pipe"); print(os.sched_getaffinity(0) != set(), os.getpriority(os.PRIO_PROCESS, 0))
        print(len(socket.if_nameindex()) > 0, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).family.name)
        base = sqlite3.connect("/tmp/base"); base.execute("PRAGMA journal_mode=WAL"); base.execute("CREATE TABLE t (x)")
        memory = mmap.mmap(-1, 1 << 20, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC); memory[:3] = b"jit"
        print(os.memfd_create("x") > 0, len(os.getrandom(8)))
        "#,
    );
    assert_eq!(
        message,
        "499500\n499500\nPIPED\n0\nb'x'\nTrue 0\nTrue AF_INET6\nTrue 8\n"
    );
}

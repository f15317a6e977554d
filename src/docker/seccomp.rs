//! The system calls that programs in containers may make.
//!
//! `seccomp.json` is a list of what is allowed, in the engine's own format; whatever it does not name fails with `EPERM`.
//! It is narrower than the engine's default: of sockets only the families and protocols that apps speak, no devices, no
//! namespaces, no looking into other processes, no io_uring, and programs of this machine's own architecture alone,
//! whose arguments the filter can judge (a 32-bit program's `socketcall` hides them).

use std::sync::LazyLock;

/// As the engine's `security_opt` wants it.
static OPTION: LazyLock<String> = LazyLock::new(|| {
    let text = include_str!("seccomp.json");
    // Engines show it with each container: without the white space it is half as long.
    let compact = serde_json::from_str::<serde_json::Value>(text).map(|json| json.to_string());
    format!("seccomp={}", compact.as_deref().unwrap_or(text))
});

/// The option with which a container is created.
pub fn option() -> String {
    OPTION.clone()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    fn groups() -> Vec<Value> {
        let profile: Value = serde_json::from_str(include_str!("seccomp.json")).expect("JSON");
        assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
        profile["syscalls"].as_array().expect("groups").clone()
    }

    #[test]
    fn what_is_judged_by_its_arguments_is_allowed_nowhere_without() {
        let (mut judged, mut allowed) = (HashSet::new(), HashSet::new());
        for group in groups() {
            for name in group["names"].as_array().expect("names") {
                let name = name.as_str().expect("a name").to_owned();
                let with_arguments = !group["args"].is_null();
                let refused = group["action"] == "SCMP_ACT_ERRNO";
                let known = match (with_arguments, refused) {
                    (true, _) => judged.contains(&name) || judged.insert(name.clone()),
                    (false, _) => allowed.insert(name.clone()),
                };
                assert!(known, "{name} stands there twice");
            }
        }
        assert!(judged.is_disjoint(&allowed));
        for name in [
            "socket",
            "socketpair",
            "clone",
            "mknod",
            "mknodat",
            "personality",
        ] {
            assert!(judged.contains(name), "{name}");
        }
    }

    #[test]
    fn what_reaches_into_the_kernel_is_not_allowed() {
        let allowed: HashSet<String> = groups()
            .iter()
            .filter(|group| group["action"] == "SCMP_ACT_ALLOW")
            .flat_map(|group| group["names"].as_array().expect("names").clone())
            .map(|name| name.as_str().expect("a name").to_owned())
            .collect();
        let never = "add_key bpf chroot clone3 delete_module fanotify_init finit_module init_module io_uring_enter \
            io_uring_register io_uring_setup iopl ioperm kcmp kexec_load keyctl mount move_mount name_to_handle_at \
            open_by_handle_at open_tree perf_event_open pidfd_getfd pivot_root process_vm_readv process_vm_writev \
            ptrace quotactl reboot request_key setns socketcall swapon syslog umount2 unshare userfaultfd vmsplice";
        for name in never.split_whitespace() {
            assert!(!allowed.contains(name), "{name}");
        }
        assert!(allowed.contains("execve") && allowed.contains("futex"));
    }
}

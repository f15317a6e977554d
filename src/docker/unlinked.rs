//! Files that a container's processes hold open or have mapped, and that have no name any more: they take disk, and no folder has them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use bollard::models::ContainerInspectResponse;
use rustix::fs::{FileType, stat, statfs};

use super::kernel;
use crate::domain::DiskAmount;

/// Open files that are looked at in one go: far more than an app has, and fewer than would keep this process busy.
const MOST_OPEN: usize = 200_000;

/// File systems in memory (Linux, `include/uapi/linux/magic.h`): what lies there the limit of memory counts.
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x9584_58f6];

/// What a running container's nameless files take on disk; with `mounted`, those alone that lie on what is mounted there in
/// the container. Of a container that has more files open than can be looked at, as many files as there are numbers. Nothing
/// where the engine's processes are not seen from here.
pub(super) fn disk(found: &ContainerInspectResponse, mounted: Option<&str>) -> DiskAmount {
    let mut files = HashMap::new();
    let mounts = mounted.map_or_else(Vec::new, |at| mounts_at(found, at));
    for (number, path) in processes(found).into_iter().flat_map(open).enumerate() {
        if number == MOST_OPEN {
            return DiskAmount::new(0, u64::MAX);
        }
        if let Some((file, bytes)) = nameless(&path)
            && mounted.is_none_or(|at| is_on(&path, at, &mounts))
        {
            files.insert(file, bytes);
        }
    }
    DiskAmount::new(files.values().sum(), 0)
}

/// What a process has open or mapped: what is mapped into memory stays when it is closed.
fn open(process: i64) -> impl Iterator<Item = PathBuf> {
    let process = PathBuf::from(format!("/proc/{process}"));
    let mut threads = Vec::new();
    // It shows nothing once its first thread has ended, while others may go on.
    if below(process.join("fd")).next().is_none() {
        threads.extend(below(process.join("task")));
    }
    let tables = [process.clone()].into_iter().chain(threads);
    let maps = below(process.join("map_files"));
    tables.flat_map(|table| below(table.join("fd"))).chain(maps)
}

fn below(folder: PathBuf) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

/// Whether an open or mapped file is on what is mounted at a path of the container.
fn is_on(open: &Path, mounted: &str, mounts: &[String]) -> bool {
    match mount_of(open) {
        Some(mount) => mounts.contains(&mount),
        // Of a mapped file the kernel tells the path alone, as the container sees it.
        None => fs::read_link(open).is_ok_and(|path| path.starts_with(mounted)),
    }
}

/// The kernel's numbers of what is mounted at a path of the container (proc_pid_mountinfo(5)).
fn mounts_at(found: &ContainerInspectResponse, path: &str) -> Vec<String> {
    let first = kernel::first_process(found).unwrap_or_default();
    let mounts = fs::read_to_string(format!("/proc/{first}/mountinfo")).unwrap_or_default();
    let at_path = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let number = fields.next()?;
        (fields.nth(3)? == path).then(|| number.to_owned())
    });
    at_path.collect()
}

/// The kernel's number of the mount that an open file, `/proc/ID/fd/NUMBER`, is on (proc_pid_fdinfo(5)).
fn mount_of(open: &Path) -> Option<String> {
    let process = open.parent()?.parent()?;
    let facts = fs::read_to_string(process.join("fdinfo").join(open.file_name()?)).ok()?;
    let number = facts
        .lines()
        .find_map(|line| line.strip_prefix("mnt_id:"))?;
    Some(number.trim().to_owned())
}

/// Which file that is, and its bytes on disk, if it is one without a name.
fn nameless(open: &Path) -> Option<((u64, u64), u64)> {
    // The kernel leads to what is open there, and not to what may have its name by now.
    let facts = stat(open).ok()?;
    let is_file = FileType::from_raw_mode(facts.st_mode) == FileType::RegularFile;
    if !is_file || facts.st_nlink != 0 {
        return None;
    }
    let kind = statfs(open).ok()?.f_type;
    let blocks = u64::try_from(facts.st_blocks).unwrap_or(0);
    let file = (facts.st_dev, facts.st_ino);
    (!IN_MEMORY.contains(&kind)).then_some((file, blocks.saturating_mul(512)))
}

/// The numbers of all processes of the container.
fn processes(found: &ContainerInspectResponse) -> Vec<i64> {
    let Some(first) = kernel::first_process(found) else {
        return Vec::new();
    };
    let groups = fs::read_to_string(format!("/proc/{first}/cgroup")).unwrap_or_default();
    let listed = groups.lines().find_map(|line| {
        // `HIERARCHY:CONTROLLERS:PATH` (cgroups(7)); the only one of the second version has no controllers.
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let mounted = match controllers {
            "" => PathBuf::from("/sys/fs/cgroup"),
            "pids" => PathBuf::from("/sys/fs/cgroup/pids"),
            _ => return None,
        };
        let group = mounted.join(path.trim_start_matches('/'));
        fs::read_to_string(group.join("cgroup.procs")).ok()
    });
    match listed {
        Some(listed) => listed.lines().filter_map(|id| id.parse().ok()).collect(),
        None => vec![first],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_counts_once_it_has_no_name() {
        use std::os::fd::AsRawFd;
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a folder on disk");
        let path = folder.path().join("file");
        fs::write(&path, [1; 100_000]).expect("written");
        let file = fs::File::open(&path).expect("there");
        file.sync_all().expect("on disk");
        let open = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        assert_eq!(nameless(&open), None);
        fs::remove_file(&path).expect("removed");
        // Another of that name is another.
        fs::write(&path, "small").expect("written");
        let (_, bytes) = nameless(&open).expect("nameless");
        assert!((100_000..200_000).contains(&bytes), "{bytes}");
        let memory = rustix::fs::memfd_create("m", rustix::fs::MemfdFlags::CLOEXEC);
        let memory = memory.expect("made");
        rustix::io::write(&memory, &[1; 100_000]).expect("written");
        let open = PathBuf::from(format!("/proc/self/fd/{}", memory.as_raw_fd()));
        assert_eq!(nameless(&open), None);
    }
}

//! Programs in Node, with the packages that `tests/run` installs.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::clients::cache;

/// A command that runs the program from that folder.
#[track_caller]
pub fn node(folder: &Path, program: &str) -> Command {
    // Where an import is looked for: beside the program.
    let packages = folder.join("node_modules");
    if !packages.exists() {
        let installed = cache().join("node/node_modules");
        assert!(
            installed.exists(),
            "tests/run installs what it needs into {}",
            installed.display()
        );
        std::os::unix::fs::symlink(installed, packages).unwrap();
    }
    fs::write(folder.join("program.mjs"), program).unwrap();
    let mut node = Command::new("node");
    node.current_dir(folder).arg("program.mjs");
    node
}

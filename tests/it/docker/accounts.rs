//! An image whose lists of accounts would hold the engine, which reads them itself, is not started.

use crate::support::DockerServer;
use crate::support::docker::{PYTHON_IMAGE, dockerfile};

#[test]
fn pipes_and_large_files_in_place_of_accounts_are_the_authors_fault() {
    let server = DockerServer::start();
    let alice = server.user("alice");
    for (name, makes, file) in [
        (
            "pipe",
            "rm /etc/passwd && mkfifo /etc/passwd",
            "/etc/passwd",
        ),
        (
            "linked",
            "mkfifo /pipe && ln -sf /link /etc/group && ln -s pipe /link",
            "/etc/group",
        ),
        (
            "large",
            "head -c 2M /dev/zero >> /etc/passwd",
            "/etc/passwd",
        ),
    ] {
        let text = format!("FROM {PYTHON_IMAGE}\nCMD [\"sleep\", \"100\"]\nRUN {makes}\n");
        let message = alice
            .create(name)
            .fails(&dockerfile(&text, ""), "RUNTIME_ERROR");
        assert!(message.contains(file), "{name}: {message}");
    }
}

//! `/tmp`: on the container's own disk, so that its limit is the disk's, and of the usual mode, whatever the image has.

use std::io;

use anyhow::Context;
use bollard::Docker;
use bollard::query_parameters::UploadToContainerOptions;

/// Anybody may write there, and remove only what is theirs.
const MODE: u32 = 0o1777;

/// Makes it before the container starts.
pub(super) async fn make(docker: &Docker, container: &str) -> anyhow::Result<()> {
    let options = UploadToContainerOptions {
        path: "/".to_owned(),
        ..UploadToContainerOptions::default()
    };
    let tar = bollard::body_full(folder()?.into());
    docker
        .upload_to_container(container, Some(options), tar)
        .await
        .context("its /tmp could not be made")
}

fn folder() -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(MODE);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, "tmp", io::empty())?;
    tar.into_inner()
}

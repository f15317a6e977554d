//! Shows a container's own `huggingface_hub` what is mounted, so that it downloads none of it again.
//!
//! The client looks into its cache first (`models--OWNER--NAME/snapshots/COMMIT/FILE`). Links to the mounted files are
//! put there, before the container starts. The cache stays the app's own: what is newer than the mount it downloads.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context;
use bollard::Docker;
use bollard::query_parameters::UploadToContainerOptions;

use super::USER;
use crate::domain::RepoKind;
use crate::runtime::{InstanceSpec, Mount};

/// Links put into one cache. What has more files is found at its mount alone.
const LINKS: usize = 10_000;

/// Puts the links where the image, or its owner, lets the client have its cache. An image that says nothing of a home
/// gets none.
pub(super) async fn fill(
    docker: &Docker,
    spec: &InstanceSpec,
    image: &str,
    container: &str,
) -> anyhow::Result<()> {
    let mounts = &spec.repositories.mounts;
    if mounts.is_empty() {
        return Ok(());
    }
    let image = docker.inspect_image(image).await.context("its image")?;
    let environment = image
        .config
        .and_then(|config| config.env)
        .unwrap_or_default();
    let value = |key: &str| {
        let own = spec.environment.iter().find(|(own, _)| own == key);
        let own = own.map(|(_, value)| value.clone());
        let line = || {
            environment
                .iter()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
        };
        own.or_else(|| line().map(str::to_owned))
    };
    let Some(folders) = cache_folders(value) else {
        return Ok(());
    };
    let spec = spec.clone();
    let tar = tokio::task::spawn_blocking(move || archive(&folders, &spec.repositories.mounts));
    let options = UploadToContainerOptions {
        path: "/".to_owned(),
        ..UploadToContainerOptions::default()
    };
    let tar = bollard::body_full(tar.await??.into());
    docker
        .upload_to_container(container, Some(options), tar)
        .await
        .context("its cache could not be filled")
}

/// The cache's folder after those above it that the app must be able to write to, without the first slash.
fn cache_folders(value: impl Fn(&str) -> Option<String>) -> Option<Vec<String>> {
    let folders = if let Some(cache) = value("HF_HUB_CACHE") {
        vec![cache]
    } else if let Some(home) = value("HF_HOME") {
        vec![home.clone(), format!("{home}/hub")]
    } else {
        let home = value("HOME").filter(|home| home != "/")?;
        [".cache", ".cache/huggingface", ".cache/huggingface/hub"]
            .map(|below| format!("{home}/{below}"))
            .into()
    };
    let clean = |folder: String| {
        let path = folder.strip_prefix('/')?.to_owned();
        let sound =
            |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\0', '~', '$']);
        path.split('/').all(sound).then_some(path)
    };
    folders.into_iter().map(clean).collect()
}

fn archive(folders: &[String], mounts: &[Mount]) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for folder in folders {
        tar.append_data(
            &mut header(tar::EntryType::Directory, 0),
            folder,
            io::empty(),
        )?;
    }
    let Some(cache) = folders.last() else {
        return tar.into_inner();
    };
    for mount in mounts.iter().filter(|mount| mount.whole) {
        let mut files = Vec::new();
        if !list(&mount.source, "", &mut files)? {
            continue;
        }
        let named = &mount.named;
        let kind = match named.kind {
            RepoKind::Model => "models",
            RepoKind::Dataset => "datasets",
            RepoKind::Space => "spaces",
        };
        let (owner, name) = (&named.name.owner, &named.name.name);
        let repository = format!("{cache}/{kind}--{owner}--{name}");
        let snapshot = format!("{repository}/snapshots/{}", mount.revision);
        let mut folders = vec![
            repository.clone(),
            format!("{repository}/refs"),
            format!("{repository}/blobs"),
            format!("{repository}/snapshots"),
            snapshot.clone(),
        ];
        folders.extend(
            files
                .iter()
                .filter_map(|file| file.strip_suffix('/'))
                .map(|folder| format!("{snapshot}/{folder}")),
        );
        for folder in folders {
            tar.append_data(
                &mut header(tar::EntryType::Directory, 0),
                folder,
                io::empty(),
            )?;
        }
        if named.revision.is_none() {
            let commit = mount.revision.as_str().as_bytes();
            let mut head = header(tar::EntryType::Regular, commit.len());
            tar.append_data(&mut head, format!("{repository}/refs/main"), commit)?;
        }
        for file in files.iter().filter(|file| !file.ends_with('/')) {
            let target = format!("{}/{file}", mount.target);
            let mut head = header(tar::EntryType::Symlink, 0);
            tar.append_link(&mut head, format!("{snapshot}/{file}"), target)?;
        }
    }
    tar.into_inner()
}

/// Everything below a folder, folders with a slash at their end and before what is in them. `false` if it is too much.
fn list(root: &Path, below: &str, found: &mut Vec<String>) -> io::Result<bool> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if found.len() >= LINKS {
            return Ok(false);
        }
        if entry.file_type()?.is_dir() {
            let folder = format!("{below}{name}/");
            found.push(folder.clone());
            if !list(root, &folder, found)? {
                return Ok(false);
            }
        } else {
            found.push(format!("{below}{name}"));
        }
    }
    Ok(true)
}

fn header(kind: tar::EntryType, size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(if kind == tar::EntryType::Directory {
        0o755
    } else {
        0o644
    });
    header.set_uid(USER.into());
    header.set_gid(USER.into());
    header.set_size(size as u64);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(environment: &[(&str, &str)]) -> Option<Vec<String>> {
        cache_folders(|key| {
            let found = environment.iter().find(|(name, _)| *name == key);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_cache_is_where_the_client_looks() {
        let home = ("HOME", "/home/user");
        let usual = [
            "home/user/.cache",
            "home/user/.cache/huggingface",
            "home/user/.cache/huggingface/hub",
        ];
        assert_eq!(folders(&[home]).expect("a home"), usual);
        let own = folders(&[home, ("HF_HOME", "/hf")]).expect("a home");
        assert_eq!(own, ["hf", "hf/hub"]);
        let own = folders(&[("HF_HUB_CACHE", "/c/d"), ("HF_HOME", "/hf")]).expect("a cache");
        assert_eq!(own, ["c/d"]);
        for bad in ["", "/", "c", "/c/../etc", "~/c", "/$HOME/c", "//c"] {
            assert_eq!(folders(&[("HF_HUB_CACHE", bad)]), None, "{bad:?}");
        }
        assert_eq!(folders(&[("HOME", "/")]), None);
        assert_eq!(folders(&[]), None);
    }
}

//! Repositories that a Space's owner mounts into its files.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NamedRepository, RepoKind, RepoName};

/// Volumes of one Space.
pub const MAX_VOLUMES: usize = 16;

/// Bytes of a path, a revision.
const MAX_TEXT: usize = 255;

/// Where no volume may be: what the kernel or the engine has there.
const TAKEN: [&str; 5] = ["proc", "sys", "dev", "tmp", "etc"];

/// A model, a dataset or a Space's files, seen read-only in a folder of the container. Its fields are named as the Hub's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// Of what kind the source is.
    #[serde(rename = "type")]
    pub kind: RepoKind,
    /// `owner/name`.
    pub source: RepoName,
    /// An absolute path in the container.
    pub mount_path: String,
    /// A branch, a tag or a commit; `None` is the newest commit of `main`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The folder of the source that is seen; `None` is all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether it is mounted while its source is private: whoever set it could have read that.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    #[schemars(skip)]
    pub while_private: bool,
}

fn yes() -> bool {
    true
}

// === impl Volume ===

impl Volume {
    /// The repository it names.
    pub fn named(&self) -> NamedRepository {
        NamedRepository {
            kind: self.kind,
            name: self.source.clone(),
            revision: self.revision.clone(),
        }
    }

    /// Whether it is at an absolute path, within it, or around it.
    pub fn overlaps(&self, path: &str) -> bool {
        let within = |one: &str, other: &str| {
            one.strip_prefix(other)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        within(path, &self.mount_path) || within(&self.mount_path, path)
    }

    /// What is wrong with volumes of one Space, in words for its owner.
    pub fn problem(all: &[Self]) -> Option<String> {
        if all.len() > MAX_VOLUMES {
            return Some(format!("a Space may have at most {MAX_VOLUMES} volumes"));
        }
        for (index, volume) in all.iter().enumerate() {
            let before = &all[..index];
            let path = volume.mount_path.as_str();
            let first = path.trim_start_matches('/').split('/').next();
            let taken = first.is_none_or(|first| TAKEN.contains(&first));
            if !path.strip_prefix('/').is_some_and(is_path) || taken {
                return Some(format!(
                    "a volume cannot be mounted at `{path}`: use a path such as `/models/tiny` that is not below {}",
                    TAKEN.map(|name| format!("/{name}")).join(", ")
                ));
            }
            if before.iter().any(|other| other.overlaps(path)) {
                return Some(format!("`{path}` is inside another volume"));
            }
            if volume.path.as_deref().is_some_and(|path| !is_path(path)) {
                return Some("the `path` of a volume must be a folder in its source".to_owned());
            }
            let sound = |revision: &str| {
                (1..=MAX_TEXT).contains(&revision.len())
                    && !revision.starts_with('-')
                    && !revision.contains("..")
            };
            if !volume.revision.as_deref().is_none_or(sound) {
                return Some("the `revision` of the volume is not valid".to_owned());
            }
        }
        None
    }
}

/// A relative path that says plainly where it leads. A colon ends a path for the engine.
fn is_path(text: &str) -> bool {
    let sound = |part: &str| {
        !matches!(part, "" | "." | "..")
            && !part.contains(|c: char| c.is_control() || matches!(c, ':' | '\\'))
    };
    text.len() <= MAX_TEXT && text.split('/').all(sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(mount_path: &str, path: Option<&str>) -> Volume {
        Volume {
            while_private: true,
            kind: RepoKind::Model,
            source: "ada/tiny".parse().expect("a name"),
            mount_path: mount_path.to_owned(),
            revision: None,
            path: path.map(str::to_owned),
        }
    }

    #[test]
    fn a_volume_is_where_nothing_else_is() {
        let good = [volume("/models/tiny", None), volume("/m/x", Some("a/b"))];
        assert_eq!(Volume::problem(&good), None);
        for bad in [
            "",
            "/",
            "models",
            "/proc",
            "/proc/x",
            "/tmp/x",
            "/a/../etc",
            "/a//b",
            "/a:ro",
            "/a\n",
        ] {
            assert!(Volume::problem(&[volume(bad, None)]).is_some(), "{bad:?}");
        }
        for other in ["/m", "/m/x", "/m/x/y"] {
            let two = [volume("/m/x", None), volume(other, None)];
            assert!(Volume::problem(&two).is_some(), "{other}");
        }
        assert_eq!(
            Volume::problem(&[volume("/m/x", None), volume("/m/xy", None)]),
            None
        );
        for bad in ["", "/a", "a/..", "a/./b"] {
            assert!(
                Volume::problem(&[volume("/m", Some(bad))]).is_some(),
                "{bad}"
            );
        }
    }
}

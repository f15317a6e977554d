//! What the engine is asked to build: a Dockerfile of the author's, or that of an SDK.

use std::io::Read;
use std::sync::Arc;

use super::super::{BuildPlan, Inner, repo_error};
use super::base::Wanted;
use super::context::{Context, MAX_IGNORE};
use super::dockerfile::{self, Dockerfile, Problem};
use super::ignore::Ignore;
use super::ignore::MAX_RULES;
use super::image_cache::made_of;
use super::recipe::{self, Recipe};
use crate::domain::{BuildError, Revision, Sdk, SpaceId};
use crate::repo::{CheckoutLimits, Repo, RepoError};

/// A build as the engine is asked for it.
pub(super) struct Order {
    pub(super) context: Arc<Context>,
    pub(super) dockerfile: Dockerfile,
    /// Names all that an image is made of by this, but for the images it is built on.
    pub(super) made_of: String,
    /// What the Dockerfile is called in messages.
    pub(super) file: String,
    /// Whether it is the author's; or else an SDK's.
    pub(super) theirs: bool,
    pub(super) args: Vec<(String, String)>,
    /// The images of the Dockerfile, in its order.
    pub(super) images: Vec<Wanted>,
}

/// A Dockerfile is read whole; the largest, in bytes.
const MAX_DOCKERFILE: u64 = 1 << 20;

// === impl Problem ===

impl Problem {
    /// As it is said of that file.
    pub(super) fn in_file(self, file: &str) -> BuildError {
        BuildError::author(format!("{file}:{}: {}", self.line, self.message))
    }
}

// === impl Inner ===

impl Inner {
    /// What the engine is to build of a revision.
    pub(super) async fn order(
        self: &Arc<Self>,
        space: SpaceId,
        revision: &Revision,
        variables: Vec<(String, String)>,
        plan: &BuildPlan,
    ) -> Result<Order, BuildError> {
        match plan.card.sdk {
            Sdk::Docker => {
                let file = &plan.card.app_file;
                self.dockerfile_order(space, revision, variables, file)
                    .await
            }
            _ => self.recipe_order(space, revision, plan).await,
        }
    }

    /// A Dockerfile of the author's.
    async fn dockerfile_order(
        self: &Arc<Self>,
        space: SpaceId,
        revision: &Revision,
        variables: Vec<(String, String)>,
        path: &str,
    ) -> Result<Order, BuildError> {
        let (revision, file) = (revision.clone(), path.to_owned());
        let limits = self.context_limits();
        let read = self.repos.read(space, move |repo| {
            let text = repo.read(&revision, &file, MAX_DOCKERFILE)?;
            let Ok(text) = String::from_utf8(text) else {
                let message = format!("{file}: the file is not valid UTF-8");
                return Ok(Err(BuildError::author(message)));
            };
            let dockerfile = match dockerfile::read(&text, &variables) {
                Ok(dockerfile) => dockerfile,
                Err(problem) => return Ok(Err(problem.in_file(&file))),
            };
            if let Some(problem) = packed(repo, &revision, &dockerfile)? {
                return Ok(Err(problem.in_file(&file)));
            }
            let ignored = match repo.read(&revision, ".dockerignore", MAX_IGNORE) {
                Ok(text) => String::from_utf8_lossy(&text).into_owned(),
                Err(RepoError::TooLarge(_)) => return Ok(Err(too_many_rules())),
                Err(RepoError::EntryNotFound(_)) => String::new(),
                Err(error) => return Err(error),
            };
            // The engine is sent the file as it is, and makes an expression of each line in its own memory.
            if ignored.lines().count() > MAX_RULES {
                return Ok(Err(too_many_rules()));
            }
            let images = dockerfile.images.iter().map(|image| Wanted {
                name: image.name.clone(),
                at: Some(format!("{file}:{}", image.line)),
            });
            let args = dockerfile.arguments(variables);
            Ok(Ok(Order {
                made_of: made_of(&repo.tree_id(&revision)?, &file, &text, &args),
                images: images.collect(),
                context: Arc::new(Context {
                    folder: "",
                    beside: Vec::new(),
                    ignore: Ignore::parse(&ignored),
                    limits,
                }),
                args,
                dockerfile,
                file,
                theirs: true,
            }))
        });
        read.await.map_err(repo_error)?
    }

    /// The Dockerfile of an SDK.
    async fn recipe_order(
        self: &Arc<Self>,
        space: SpaceId,
        revision: &Revision,
        plan: &BuildPlan,
    ) -> Result<Order, BuildError> {
        let sdk = plan.card.sdk.as_str();
        let base_image = self.config.images.base_images.get(sdk);
        let Some(base_image) = base_image.map(|base| base.name.clone()) else {
            return Err(BuildError::server(format!(
                "the configuration has no base image for `{sdk}`"
            )));
        };
        let theirs = base_image.contains("{python_version}") && plan.card.python_version.is_some();
        let (revision, card) = (revision.clone(), plan.card.clone());
        let read = self.repos.read(space, move |repo| {
            let recipe = recipe::recipe(repo, &revision, &card, &base_image)?;
            Ok((recipe, repo.tree_id(&revision)?))
        });
        let (recipe, tree) = read.await.map_err(repo_error)?;
        let Recipe {
            dockerfile: text,
            args,
            setup,
        } = recipe?;
        let file = format!("runtimes/{sdk}/Dockerfile");
        let dockerfile = dockerfile::read(&text, &args).map_err(|problem| {
            let Problem { line, message } = problem;
            tracing::warn!("{file}:{line}: {message}");
            BuildError::server(format!("{file}:{line}: {message}"))
        })?;
        let images = dockerfile.images.iter().map(|image| Wanted {
            name: image.name.clone(),
            at: theirs.then(|| "README.md: `python_version`".to_owned()),
        });
        let args = dockerfile.arguments(args);
        Ok(Order {
            made_of: made_of(&tree, &file, &text, &args),
            context: Arc::new(Context {
                folder: "app/",
                beside: setup,
                ignore: Ignore::default(),
                limits: self.context_limits(),
            }),
            images: images.collect(),
            args,
            dockerfile,
            file,
            theirs: false,
        })
    }

    fn context_limits(&self) -> CheckoutLimits {
        CheckoutLimits {
            bytes: self.config.images.limits.image_bytes,
            ..self.config.site
        }
    }
}

/// The first archive among what `ADD` names: what unpacks it would be the engine, however large it gets.
fn packed(
    repo: &Repo,
    revision: &Revision,
    dockerfile: &Dockerfile,
) -> Result<Option<Problem>, RepoError> {
    for added in &dockerfile.added {
        let facts = match added.path.as_str() {
            "" => continue,
            path => match repo.file(revision, path) {
                Ok(facts) => facts,
                // A folder is copied as it is, and what is not there the engine will say.
                Err(RepoError::EntryNotFound(_)) => continue,
                Err(error) => return Err(error),
            },
        };
        let mut head = Vec::new();
        repo.blob(&facts.oid)?.take(512).read_to_end(&mut head)?;
        if is_archive(&head) {
            let message = format!(
                "`ADD` of the archive {} is not supported, because the engine would unpack it outside the limits of \
                 this build; use `COPY` and `RUN tar`",
                added.path
            );
            let line = added.line;
            return Ok(Some(Problem { line, message }));
        }
    }
    Ok(None)
}

/// Whether a file that begins like this is one the engine unpacks: compressed, or a tar.
fn is_archive(head: &[u8]) -> bool {
    let marks: [&[u8]; 5] = [
        &[0x1f, 0x8b],
        b"BZh",
        &[0xfd, b'7', b'z', b'X', b'Z', 0],
        &[0x28, 0xb5, 0x2f, 0xfd],
        // A frame that zstd skips comes before one that it does not.
        &[0x50, 0x2a, 0x4d, 0x18],
    ];
    let skippable =
        head.len() >= 4 && (0x50..=0x5f).contains(&head[0]) && head[1..4] == marks[4][1..];
    if skippable || marks.iter().any(|mark| head.starts_with(mark)) {
        return true;
    }
    let Ok(block) = <&[u8; 512]>::try_from(head) else {
        return false;
    };
    let mut header = tar::Header::new_old();
    header.as_mut_bytes().copy_from_slice(block);
    let recorded = header.cksum().ok();
    header.set_cksum();
    recorded.is_some() && recorded == header.cksum().ok()
}

fn too_many_rules() -> BuildError {
    BuildError::author(format!(
        ".dockerignore: the file has more than {MAX_RULES} lines, which this server does not take. Name folders instead of the \
         files in them."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_known_by_how_they_begin() {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_old();
        header.set_size(1);
        tar.append_data(&mut header, "a", [0_u8; 1].as_slice())
            .expect("in memory");
        let tar = tar.into_inner().expect("in memory");
        assert!(is_archive(&tar[..512]));
        assert!(is_archive(&[0x1f, 0x8b, 8]));
        assert!(is_archive(b"BZh9"));
        assert!(is_archive(&[0x5a, 0x2a, 0x4d, 0x18, 0]));
        for plain in [b"".as_slice(), b"print(1)", &[0; 512], &[b'a'; 512]] {
            assert!(!is_archive(plain));
        }
    }
}

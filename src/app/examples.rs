//! Publishes the Spaces in `examples/`, which are part of the binary.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::Context;
use rust_embed::RustEmbed;

use super::say;
use crate::config::Config;
use crate::domain::{Card, Owner, RepoKind, RepoName, Role, Space, Stage, Visibility};
use crate::lifecycle::{Landing, Lifecycle};
use crate::repo::{CommitRequest, FilePath, Operation, Repos};
use crate::store::{Actor, NewRepository, SpaceSettings, Store};
use crate::web::Starter;

/// Whose they are.
const OWNER: &str = "examples";

/// How long one is waited for before its address is printed all the same.
const PATIENCE: Duration = Duration::from_secs(120);

/// The same for one that installs packages first.
const CONTAINER_PATIENCE: Duration = Duration::from_secs(900);

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/examples"]
#[exclude = "*/target/*"]
#[exclude = "*/__pycache__/*"]
struct Examples;

/// Publishes each example that is new or has changed, those first that need no container and are there in seconds; says
/// how far it is, and prints an address for each.
pub(super) async fn publish(
    store: &Store,
    repos: &Repos,
    lifecycle: &Lifecycle,
    config: &Config,
    no_containers: Option<&str>,
) -> anyhow::Result<()> {
    let owner: Owner = OWNER.parse().expect("a plain name");
    if store.account_by_name(&owner).await?.is_none() {
        store
            .create_account(&owner, Role::User, Actor::Server)
            .await?;
    }
    let mut examples = examples();
    if let Some(why) = no_containers {
        examples.retain(|name, _| {
            let keep = !wants_container(name);
            if !keep {
                say(&format!("{OWNER}/{name}: not published because it needs containers ({why}; see `glasshouse \
                              doctor`)"));
            }
            keep
        });
    }
    let mut names: Vec<_> = examples.keys().collect();
    names.sort_by_key(|name| wants_container(name));
    let all = names.len();
    let (mut spaces, mut published) = (Vec::new(), Vec::new());
    for name in names {
        let files = &examples[name];
        let pushed = push(store, repos, lifecycle, &owner, name, files).await;
        let (space, is_new) = pushed.with_context(|| format!("the example `{name}`"))?;
        spaces.push(space);
        published.extend(is_new.then_some(name));
    }
    let slow = published
        .iter()
        .filter(|name| wants_container(name))
        .count();
    match (published.len(), slow) {
        (0, _) => {}
        (new, 0) => say(&format!("publishing {new} examples")),
        (new, _) => say(&format!(
            "publishing {new} examples; the last {slow} run in containers, whose first build takes minutes"
        )),
    }
    let progress = Progress::new(spaces.len());
    for (index, space) in spaces.iter().enumerate() {
        if !progress.shown && wants_container(space.name.name.as_str()) {
            let page = format!("{}/spaces/{}/logs", config.hub_url(), space.name);
            say(&format!("{}: building ({page})", space.name));
        }
        progress.show(index, &space.name);
        let stage = settled(lifecycle, space).await?;
        let address = config
            .addresses(config.listen.port())
            .space(&space.subdomain);
        progress.clear();
        say(&match stage {
            Stage::Running => format!("{}: {address}/ ({}/{all})", space.name, index + 1),
            stage => format!("{}: {} ({address}/)", space.name, stage.as_str()),
        });
    }
    Ok(())
}

/// The paths of each example, by its name.
fn examples() -> BTreeMap<String, Vec<String>> {
    let mut examples: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in Examples::iter() {
        if let Some((name, _)) = path.split_once('/') {
            examples
                .entry(name.to_owned())
                .or_default()
                .push(path.to_string());
        }
    }
    examples.retain(|name, files| files.contains(&format!("{name}/README.md")));
    examples
}

/// The same as Spaces to begin with.
pub(super) fn starters() -> Vec<Starter> {
    let examples = examples().into_iter();
    examples
        .map(|(name, paths)| {
            let prefix = format!("{name}/");
            let files: Vec<_> = paths
                .iter()
                .filter_map(|path| {
                    let file = Examples::get(path)?;
                    Some((path.strip_prefix(&prefix)?.to_owned(), file.data))
                })
                .collect();
            let card = card_of(&name);
            let field = |key: &str| {
                let value = card.as_ref()?.data.get(key)?.as_str()?;
                Some(value.to_owned())
            };
            Starter {
                title: field("title").unwrap_or_else(|| name.clone()),
                emoji: field("emoji").unwrap_or_default(),
                name,
                files,
            }
        })
        .collect()
}

fn card_of(name: &str) -> Option<Card> {
    let readme = Examples::get(&format!("{name}/README.md"))?;
    Card::parse(&String::from_utf8_lossy(&readme.data)).ok()
}

/// Whether the card of an example asks for a container.
fn wants_container(name: &str) -> bool {
    card_of(name).is_some_and(|card| card.sdk.is_container())
}

/// The Space of an example, and whether anything of it is new.
async fn push(
    store: &Store,
    repos: &Repos,
    lifecycle: &Lifecycle,
    owner: &Owner,
    name: &str,
    files: &[String],
) -> anyhow::Result<(Space, bool)> {
    let full: RepoName = format!("{owner}/{name}").parse()?;
    let space = match store.space_by_name(&full).await? {
        Some(space) => space,
        None => {
            let account = store
                .account_by_name(owner)
                .await?
                .context("the owner of the examples no longer exists")?;
            let new = NewRepository {
                kind: RepoKind::Space,
                owner: account.id,
                name: full,
                visibility: Visibility::Public,
                settings: SpaceSettings::default(),
            };
            let made = lifecycle.create(new, None).await?;
            let space = store.space_by_id(made.id.space()).await?;
            space.context("an example was deleted while it was published")?
        }
    };
    let (name, files) = (name.to_owned(), files.to_vec());
    let mut spool = repos.spool(lifecycle.disk_room(space.owner).await?)?;
    let mut operations = Vec::new();
    for file in files {
        let content = Examples::get(&file).with_context(|| format!("{file} is missing"))?;
        let path = file.strip_prefix(&format!("{name}/")).unwrap_or(&file);
        operations.push(Operation::Put {
            path: path.parse::<FilePath>()?,
            content: spool.put(&content.data)?,
        });
    }
    let request = CommitRequest {
        branch: "main".into(),
        parent: None,
        title: "Publish the example".into(),
        description: String::new(),
        author: OWNER.into(),
        operations,
        spool,
    };
    // Nothing changed gives the commit there is, and publishing that again does nothing.
    let revision = repos.commit(space.id, request).await?;
    let landing = Landing {
        head: revision.clone(),
        before: space.head.clone(),
        by: None,
        copy_of: None,
    };
    (lifecycle.landed(RepoKind::Space, space.id.into(), landing)).await?;
    let is_new = space.head.as_ref() != Some(&revision);
    Ok((space, is_new))
}

/// The stage once nothing is under way any more.
async fn settled(lifecycle: &Lifecycle, space: &Space) -> anyhow::Result<Stage> {
    let begun = Instant::now();
    let patience = match wants_container(space.name.name.as_str()) {
        true => CONTAINER_PATIENCE,
        false => PATIENCE,
    };
    loop {
        let stage = lifecycle.view(space).await?.stage;
        let under_way = matches!(
            stage,
            Stage::Building
                | Stage::RunningBuilding
                | Stage::AppStarting
                | Stage::RunningAppStarting
        );
        if !under_way || begun.elapsed() > patience {
            return Ok(stage);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A bar on a terminal; nothing elsewhere.
struct Progress {
    all: usize,
    shown: bool,
}

// === impl Progress ===

impl Progress {
    fn new(all: usize) -> Self {
        Self {
            all,
            shown: std::io::stderr().is_terminal(),
        }
    }

    fn show(&self, done: usize, what: &RepoName) {
        if self.shown {
            let (full, rest) = ("█".repeat(done), "░".repeat(self.all - done));
            let _ = write!(
                std::io::stderr(),
                "\r{full}{rest} {done}/{} building {what}",
                self.all
            );
        }
    }

    fn clear(&self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}

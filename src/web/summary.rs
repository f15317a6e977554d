//! How a Space looks to visitors: what the gallery and its own page show of it.

use super::text;
use super::{PageError, WebState};
use crate::card_cache::CardMetadata;
use crate::domain::{Space, Stage, Visibility};
use crate::lifecycle::SpaceView;
use crate::store::{Showing, Shown};

/// The Hub's words for the two ends of a card's colours, which are the style sheet's classes too.
const COLORS: [&str; 8] = [
    "red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray",
];

/// Tags of one Space that count, and characters of each.
const MAX_TAGS: usize = 12;
const MAX_TAG: usize = 32;

/// A Space as it is shown.
#[derive(Debug, Clone)]
pub(super) struct SpaceSummary {
    pub(super) title: String,
    pub(super) emoji: String,
    pub(super) description: String,
    pub(super) owner: String,
    /// `OWNER/NAME`
    pub(super) name: String,
    pub(super) sdk: String,
    pub(super) stage: StageSummary,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) likes: i64,
    pub(super) visibility: &'static str,
}

/// A stage as it is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct StageSummary {
    /// The Hub's word.
    pub(super) word: &'static str,
    /// The style sheet's class: `good`, `busy`, `rest` or `bad`.
    pub(super) mood: &'static str,
    /// The stage in one or two words.
    pub(super) short: &'static str,
    /// In a sentence's worth.
    pub(super) long: &'static str,
}

// === impl SpaceSummary ===

impl SpaceSummary {
    /// From what the gallery keeps.
    pub(super) async fn of_shown(state: &WebState, shown: &Shown) -> Result<Self, PageError> {
        let view = state.lifecycle.view(&shown.space).await?;
        let stage = StageSummary::seen(&shown.space, &view, false);
        Ok(Self::new(&shown.space, &shown.showing, stage, shown.likes))
    }

    /// From the Space itself.
    pub(super) async fn of(
        state: &WebState,
        space: &Space,
        stage: StageSummary,
        likes: i64,
    ) -> Result<Self, PageError> {
        let showing = showing(state, space).await?;
        Ok(Self::new(space, &showing, stage, likes))
    }

    fn new(space: &Space, showing: &Showing, stage: StageSummary, likes: i64) -> Self {
        Self {
            title: showing.title.clone(),
            emoji: showing.emoji.clone(),
            description: showing.description.clone(),
            owner: space.name.owner.to_string(),
            name: space.name.to_string(),
            sdk: space.sdk.clone().unwrap_or_default(),
            stage,
            from: showing.color_from.clone(),
            to: showing.color_to.clone(),
            likes,
            visibility: space.visibility.as_str(),
        }
    }
}

/// What a Space shows of itself: of a public one what its card says, of others no more than their name.
pub(super) async fn showing(state: &WebState, space: &Space) -> Result<Showing, PageError> {
    let metadata = match space.visibility {
        Visibility::Public => state.cards.metadata(space).await?,
        Visibility::Protected | Visibility::Private => Default::default(),
    };
    let field = |key: &str, most| text::line(&metadata.text(key).unwrap_or_default(), most);
    Ok(Showing {
        title: text::line(&metadata.title(space), 80),
        emoji: emoji(&metadata),
        color_from: color(&field("colorFrom", 20), "green").to_owned(),
        color_to: color(&field("colorTo", 20), "blue").to_owned(),
        description: field("short_description", 160),
        tags: tags(&metadata),
    })
}

fn tags(metadata: &CardMetadata) -> Vec<String> {
    let plain = |tag: &&str| !tag.trim().is_empty() && tag.chars().count() <= MAX_TAG;
    let mut tags: Vec<_> = metadata
        .words("tags")
        .into_iter()
        .filter(plain)
        .map(|tag| text::line(tag.trim(), MAX_TAG).to_lowercase())
        .take(MAX_TAGS)
        .collect();
    tags.sort();
    tags.dedup();
    tags
}

/// A card's emoji, or the first few characters of whatever stands in its place.
fn emoji(metadata: &CardMetadata) -> String {
    let text = metadata.text("emoji").unwrap_or_else(|| "🌱".to_owned());
    text.chars()
        .filter(|letter| !letter.is_control() && !letter.is_whitespace())
        .take(8)
        .collect()
}

fn color<'a>(wanted: &str, default: &'a str) -> &'a str {
    let known = COLORS.into_iter().find(|known| *known == wanted);
    known.unwrap_or(default)
}

// === impl StageSummary ===

impl StageSummary {
    /// A Space's stage for those who may change it, and for all others: to them a version that does not build is nothing
    /// while the one before answers.
    pub(super) fn seen(space: &Space, view: &SpaceView, writes: bool) -> Self {
        if space.disabled.is_some() {
            return Self {
                word: view.stage.as_str(),
                mood: "rest",
                short: "stopped",
                long: "An operator of this server has stopped this Space.",
            };
        }
        match view.serves_older() && !writes {
            true => Self::of(Stage::Running),
            false => Self::of_view(view),
        }
    }

    /// How a Space is doing, for visitors.
    pub(super) fn of_view(view: &SpaceView) -> Self {
        if view.stage == Stage::Paused && view.waits.is_some() {
            return Self {
                word: view.stage.as_str(),
                mood: "busy",
                short: "waiting",
                long: "Waiting for room. It starts automatically.",
            };
        }
        Self::of(view.stage)
    }

    /// A stage for visitors.
    pub(super) fn of(stage: Stage) -> Self {
        let (mood, short, long) = match stage {
            Stage::Running => ("good", "running", "Running."),
            Stage::RunningBuilding => (
                "good",
                "rebuilding",
                "A new version is being built. The previous one is still running.",
            ),
            Stage::RunningAppStarting => (
                "good",
                "restarting",
                "A new version is starting. The previous one is still running.",
            ),
            Stage::Sleeping => (
                "rest",
                "asleep",
                "Asleep because nobody has visited for a while. A visit wakes it.",
            ),
            Stage::Paused => ("rest", "paused", "Paused until its owner restarts it."),
            Stage::Building => ("busy", "building", "This Space is being built."),
            Stage::AppStarting => ("busy", "starting", "This Space is starting."),
            Stage::NoAppFile => (
                "rest",
                "empty",
                "Nothing has been published here yet that could run.",
            ),
            Stage::ConfigError => ("bad", "card error", "The Space's card has an error."),
            Stage::BuildError => (
                "bad",
                "build error",
                "The published version does not build.",
            ),
            Stage::RuntimeError => ("bad", "crashed", "The Space was built but does not run."),
            Stage::Deleting => ("rest", "deleting", "This Space is being deleted."),
        };
        Self {
            word: stage.as_str(),
            mood,
            short,
            long,
        }
    }

    /// Whether it will soon be another by itself.
    pub(super) fn is_passing(self) -> bool {
        self.mood == "busy" || matches!(self.short, "rebuilding" | "restarting")
    }
}

//! How a Space looks to visitors: what the start page and its own page show of it.

use super::{PageError, WebState};
use crate::arrival::Arrival;
use crate::cards::Face;
use crate::domain::{Space, Stage, Visibility};

/// The Hub's words for the two ends of a card's colours, which are the style sheet's classes too.
const COLORS: [&str; 8] = [
    "red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray",
];

/// A Space as it is shown.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) title: String,
    pub(super) emoji: String,
    pub(super) description: String,
    pub(super) owner: String,
    pub(super) name: String,
    pub(super) sdk: String,
    /// The style sheet's class: `good`, `busy`, `rest` or `bad`.
    pub(super) mood: &'static str,
    /// The stage in words.
    pub(super) stage: &'static str,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    /// The Space's own origin.
    pub(super) origin: String,
    /// The same below this origin.
    pub(super) path: String,
    /// Its page here.
    pub(super) page: String,
}

// === impl Look ===

impl Look {
    /// How a Space looks now. Of a protected one only what is not its source.
    pub(super) async fn of(
        state: &WebState,
        arrival: &Arrival,
        space: &Space,
    ) -> Result<Self, PageError> {
        let stage = state.lifecycle.view(space).await?.stage;
        let face = match space.visibility {
            Visibility::Public => state.cards.face(space).await?,
            Visibility::Protected | Visibility::Private => Default::default(),
        };
        let (mood, words) = in_words(stage);
        Ok(Self {
            title: face.title(space),
            emoji: emoji(&face),
            description: face.text("short_description").unwrap_or_default(),
            owner: space.name.owner.to_string(),
            name: space.name.to_string(),
            sdk: space.sdk.clone().unwrap_or_default(),
            mood,
            stage: words,
            from: color(&face, "colorFrom", "indigo"),
            to: color(&face, "colorTo", "blue"),
            origin: arrival.origin(&state.config, space),
            path: arrival.path(&space.name),
            page: arrival.page(&space.name),
        })
    }
}

/// A card's emoji, or the first few characters of whatever stands in its place.
fn emoji(face: &Face) -> String {
    let text = face.text("emoji").unwrap_or_else(|| "✨".to_owned());
    text.chars().take(8).collect()
}

fn color(face: &Face, key: &str, default: &'static str) -> &'static str {
    let wanted = face.text(key).unwrap_or_default();
    COLORS
        .into_iter()
        .find(|known| *known == wanted)
        .unwrap_or(default)
}

/// A stage for visitors: how it is coloured and what it is called.
fn in_words(stage: Stage) -> (&'static str, &'static str) {
    match stage {
        Stage::Running => ("good", "running"),
        Stage::RunningBuilding => ("good", "running, a new version is being built"),
        Stage::RunningAppStarting => ("good", "running, a new version is starting"),
        Stage::Sleeping => ("rest", "asleep, a visit wakes it"),
        Stage::Paused => ("rest", "paused by its owner"),
        Stage::Building => ("busy", "being built"),
        Stage::AppStarting => ("busy", "starting"),
        Stage::NoAppFile => ("rest", "empty"),
        Stage::ConfigError => ("bad", "its card has an error"),
        Stage::BuildError => ("bad", "does not build"),
        Stage::RuntimeError => ("bad", "does not run"),
        Stage::Deleting => ("rest", "being removed"),
    }
}

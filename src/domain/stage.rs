//! What the outside is told about a Space, in the Hub's words.

use schemars::JsonSchema;
use serde::Serialize;

use super::{BuildState, Desired, Fault};

/// The Hub's stages: the twelve of `huggingface_hub`'s `SpaceStage`, and `SLEEPING`, which its other clients know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stage {
    /// There is nothing to run.
    NoAppFile,
    /// The card asks for what cannot be.
    ConfigError,
    /// The first version is being built.
    Building,
    /// The newest version does not build.
    BuildError,
    /// It answers.
    Running,
    /// It answers while a newer version is being built.
    RunningBuilding,
    /// It was built and does not run.
    RuntimeError,
    /// It is being removed.
    Deleting,
    /// Its owner stopped it, or it waits until there is room for it.
    Paused,
    /// It was built and is starting.
    AppStarting,
    /// It answers while a newer version is starting.
    RunningAppStarting,
    /// It sleeps until somebody visits.
    Sleeping,
}

impl Stage {
    /// The Hub's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoAppFile => "NO_APP_FILE",
            Self::ConfigError => "CONFIG_ERROR",
            Self::Building => "BUILDING",
            Self::BuildError => "BUILD_ERROR",
            Self::Running => "RUNNING",
            Self::RunningBuilding => "RUNNING_BUILDING",
            Self::RuntimeError => "RUNTIME_ERROR",
            Self::Deleting => "DELETING",
            Self::Paused => "PAUSED",
            Self::AppStarting => "APP_STARTING",
            Self::RunningAppStarting => "RUNNING_APP_STARTING",
            Self::Sleeping => "SLEEPING",
        }
    }
}

/// The facts a stage follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageFacts {
    /// What the owner wants.
    pub desired: Desired,
    /// The newest build, and whose fault its failure was.
    pub build: Option<(BuildState, Option<Fault>)>,
    /// Whether an instance of the newest succeeded build answers.
    pub current_ready: bool,
    /// Whether any instance answers, of whatever build.
    pub any_ready: bool,
    /// Whether an instance of the newest succeeded build is on its way.
    pub starting: bool,
    /// Whether the newest succeeded build last ended in an error.
    pub failed: bool,
    /// Whether it sleeps.
    pub asleep: bool,
    /// Whether its start was refused, and waits until there is room for it.
    pub blocked: bool,
}

/// The stage that follows from the facts. The order of the questions is the whole of the rule.
pub fn stage(facts: StageFacts) -> Stage {
    match facts.desired {
        Desired::Deleted => return Stage::Deleting,
        Desired::Paused => return Stage::Paused,
        Desired::Running => {}
    }
    match facts.build {
        None | Some((BuildState::Failed, Some(Fault::NoAppFile))) => Stage::NoAppFile,
        Some((BuildState::Failed, Some(Fault::Card))) => Stage::ConfigError,
        Some((BuildState::Failed, _)) => Stage::BuildError,
        Some((BuildState::Queued | BuildState::Running, _)) if facts.any_ready => {
            Stage::RunningBuilding
        }
        Some((BuildState::Queued | BuildState::Running, _)) => Stage::Building,
        Some((BuildState::Succeeded | BuildState::Superseded, _)) => {
            if facts.current_ready {
                Stage::Running
            } else if facts.any_ready && (facts.starting || !facts.failed) {
                Stage::RunningAppStarting
            } else if facts.starting {
                Stage::AppStarting
            } else if facts.blocked {
                // The Hub's word for what takes nothing and is not crashed; programs that wait for an end need not go on.
                Stage::Paused
            } else if facts.failed {
                Stage::RuntimeError
            } else if facts.asleep {
                Stage::Sleeping
            } else {
                Stage::AppStarting
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts() -> impl Strategy<Value = StageFacts> {
        let desired = prop_oneof![
            Just(Desired::Running),
            Just(Desired::Paused),
            Just(Desired::Deleted)
        ];
        let state = prop_oneof![
            Just(BuildState::Queued),
            Just(BuildState::Running),
            Just(BuildState::Succeeded),
            Just(BuildState::Failed),
        ];
        let fault = proptest::option::of(prop_oneof![
            Just(Fault::NoAppFile),
            Just(Fault::Card),
            Just(Fault::Author),
            Just(Fault::Server),
        ]);
        (
            desired,
            proptest::option::of((state, fault)),
            any::<[bool; 6]>(),
        )
            .prop_map(
                |(desired, build, [current, any, starting, failed, asleep, blocked])| StageFacts {
                    desired,
                    build,
                    current_ready: current,
                    any_ready: current || any,
                    starting,
                    failed,
                    asleep,
                    blocked,
                },
            )
    }

    proptest! {
        #[test]
        fn running_is_never_said_of_what_does_not_answer(facts in facts()) {
            let word = stage(facts).as_str();
            if word.starts_with("RUNNING") {
                prop_assert!(facts.any_ready);
                prop_assert_eq!(facts.desired, Desired::Running);
            }
            if word == "RUNNING" {
                prop_assert!(facts.current_ready);
            }
        }

        #[test]
        fn what_waits_for_room_is_never_called_crashed(facts in facts()) {
            if facts.blocked {
                prop_assert_ne!(stage(facts), Stage::RuntimeError);
            }
        }

        #[test]
        fn a_failed_build_is_always_said(facts in facts()) {
            if facts.desired == Desired::Running
                && let Some((BuildState::Failed, _)) = facts.build
            {
                let word = stage(facts);
                prop_assert!(matches!(
                    word,
                    Stage::NoAppFile | Stage::ConfigError | Stage::BuildError
                ));
            }
        }
    }
}

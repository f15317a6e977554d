//! What a revision asks to be built. Pure: the card's text and a look at which files are there.

use std::time::Duration;

use crate::domain::{
    BuildError, Card, CardError, CardProblem, EgressOffer, Fault, RunSettings, Sdk, bytes_text,
    is_first_card,
};

/// What is to be built.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildPlan {
    /// The card it follows from; its `sdk` says which kind of artifact, its `app_file` is there.
    pub card: Card,
    /// What the author should know although it stops nothing; one sentence each.
    pub notes: Vec<String>,
}

/// What this server lets cards ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Names of hardware.
    pub hardware: Vec<String>,
    /// The longest time a request may take.
    pub max_request_timeout: Duration,
    /// Where guests may connect to at most.
    pub egress: EgressOffer,
    /// What containers may ask for; `None` where there are none.
    pub containers: Option<ContainerOffer>,
}

/// What this server lets the cards of containers ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerOffer {
    /// The longest time until it answers.
    pub startup_timeout: Duration,
    /// The most durable storage, in bytes.
    pub storage_bytes: u64,
    /// Where they may connect to at most.
    pub egress: EgressOffer,
}

/// Reads the card of a revision and checks that what it asks for can be.
///
/// `readme` is the text of README.md, `known` what the Space was made as or was last, and `has_file` says whether a path is a
/// file of the revision.
///
/// # Errors
/// In words for the author: whatever is wrong with the card, or that the app's file is missing.
pub fn plan(
    readme: Option<&str>,
    known: Option<Sdk>,
    offer: &Offer,
    has_file: impl Fn(&str) -> bool,
) -> Result<BuildPlan, BuildError> {
    let card_error = |message: String| BuildError {
        fault: Fault::Card,
        message,
    };
    if let Some((card, note)) = Card::of_files(readme, known, &has_file) {
        let card = granted(card, readme.unwrap_or_default(), offer);
        let card = card.map_err(|error| card_error(error.text()))?;
        return Ok(BuildPlan::new(card, Some(note)));
    }
    let Some(readme) = readme else {
        return Err(card_error(format!(
            "README.md is missing. It must begin with the Space's card: a `---` line, `sdk: {}`, and another `---` line.",
            Sdk::ALL.map(Sdk::as_str).join("` or `sdk: ")
        )));
    };
    let card = Card::parse(readme).map_err(|error| card_error(error.text()))?;
    let missing = (!has_file(&card.app_file)).then(|| BuildError {
        fault: Fault::NoAppFile,
        message: missing_app_file(&card),
    });
    let card = match missing {
        // What it asks for is nobody's wish yet.
        Some(missing) if is_first_card(readme) => return Err(missing),
        _ => granted(card, readme, offer).map_err(|error| card_error(error.text()))?,
    };
    missing.map_or(Ok(BuildPlan::new(card, None)), Err)
}

/// Reads a card as a build does, before there is one.
///
/// # Errors
/// Whatever a build would say of the card, whichever files are there.
pub(super) fn check_card(readme: &str, offer: &Offer) -> Result<Card, CardError> {
    let card = Card::parse(readme)?;
    // The files that come with one that was made with its Space may decide.
    if is_first_card(readme) {
        return Ok(card);
    }
    granted(card, readme, offer)
}

/// The card, if this server gives what it asks for. Of time it gets as much as there is.
fn granted(mut card: Card, readme: &str, offer: &Offer) -> Result<Card, CardError> {
    if let Some((key, message)) = beyond_the_offer(&card, offer) {
        return Err(Card::problem(readme, key, message).into());
    }
    let containers = offer.containers.filter(|_| card.sdk.is_container());
    let mut warnings: Vec<CardProblem> = Vec::new();
    for (key, asked, most) in [
        (
            "request_timeout",
            &mut card.request_timeout,
            Some(offer.max_request_timeout),
        ),
        (
            "startup_duration_timeout",
            &mut card.startup_timeout,
            containers.map(|containers| containers.startup_timeout),
        ),
    ] {
        if let (Some(time), Some(most)) = (*asked, most)
            && time > most
        {
            *asked = Some(most);
            let most = time_text(most);
            let message = format!("`{key}` is cut to {most}, the most that this server allows");
            warnings.push(Card::problem(readme, key, message));
        }
    }
    if let Some(message) = unknown_hardware(&card, &offer.hardware) {
        warnings.push(Card::problem(readme, "suggested_hardware", message));
    }
    card.warnings.append(&mut warnings);
    card.warnings.sort_by_key(|problem| problem.line);
    Ok(card)
}

/// The field that asks for what this server does not give, and what it may ask for.
fn beyond_the_offer(card: &Card, offer: &Offer) -> Option<(&'static str, String)> {
    if !card.sdk.is_container() {
        let refusal = offer.egress.refusal(&card.egress, card.internet);
        return refusal.map(|message| ("egress", message.into()));
    }
    let Some(offer) = offer.containers else {
        let message = format!(
            "`sdk: {}` needs containers, which this server's operator has turned off; use `static` or `wasi`",
            card.sdk.as_str()
        );
        return Some(("sdk", message));
    };
    if card
        .storage_bytes
        .is_some_and(|asked| asked > offer.storage_bytes)
    {
        return match offer.storage_bytes {
            0 => Some((
                "storage",
                "this server does not offer durable storage".into(),
            )),
            most => {
                let most = bytes_text(most);
                Some((
                    "storage",
                    format!("`storage` may be at most {most} on this server"),
                ))
            }
        };
    }
    let refusal = offer.egress.refusal(&card.egress, card.internet);
    refusal.map(|message| ("egress", message.into()))
}

fn time_text(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds > 0 && seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        seconds if seconds > 0 && seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{}s", time.as_secs_f64()),
    }
}

fn missing_app_file(card: &Card) -> String {
    let file = &card.app_file;
    let named = card.data.get("app_file").and_then(|value| value.as_str());
    let why = if named == Some(file.as_str()) {
        "README.md names it as `app_file`".to_owned()
    } else {
        format!(
            "`sdk: {}` runs this file unless README.md names another (`app_file: PATH`)",
            card.sdk.as_str()
        )
    };
    format!("The file `{file}` is missing; {why}.")
}

/// A suggestion binds nobody, so one that cannot be followed here is said and not refused.
fn unknown_hardware(card: &Card, offered: &[String]) -> Option<String> {
    let wanted = card.suggested_hardware.as_ref()?;
    if offered.contains(wanted) {
        return None;
    }
    Some(format!(
        "`suggested_hardware: {wanted}` is not available on this server and is ignored; available are {}",
        offered.join(", ")
    ))
}

// === impl BuildPlan ===

impl BuildPlan {
    fn new(card: Card, note: Option<String>) -> Self {
        let warnings = card.warnings.iter().map(CardProblem::text);
        Self {
            notes: note.into_iter().chain(warnings).collect(),
            card,
        }
    }

    /// How the artifact is to be run.
    pub fn settings(&self) -> RunSettings {
        RunSettings {
            instance_reuse: self.card.instance_reuse,
            request_timeout: self.card.request_timeout,
            egress: self.card.egress.clone(),
            internet: self.card.internet,
            startup_timeout: self.card.startup_timeout,
            storage_bytes: self.card.storage_bytes,
            repositories: self.card.repositories.clone(),
            headers: self.card.custom_headers.clone(),
            oauth: self.card.oauth.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offered() -> Offer {
        Offer {
            hardware: vec!["cpu-nano".into(), "cpu-basic".into()],
            max_request_timeout: Duration::from_secs(600),
            egress: EgressOffer::Internet,
            containers: Some(ContainerOffer {
                startup_timeout: Duration::from_secs(1800),
                storage_bytes: 10 << 30,
                egress: EgressOffer::Listed,
            }),
        }
    }

    fn card(lines: &str) -> String {
        format!("---\n{lines}\n---\n")
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = plan(None, None, &offered(), |_| false).expect_err("no card");
        assert_eq!(error.fault, Fault::Card);
        assert!(
            error.message.contains("`sdk: static` or `sdk: wasi`"),
            "{error}"
        );

        let error =
            plan(Some(&card("sdk: wasi")), None, &offered(), |_| false).expect_err("no app");
        assert_eq!(error.fault, Fault::NoAppFile);
        assert!(
            error.message.contains("`app.wasm`") && error.message.contains("app_file: PATH"),
            "{error}"
        );

        let readme = card("sdk: static\napp_file: docs/a.html");
        let error = plan(Some(&readme), None, &offered(), |_| false).expect_err("no app");
        assert!(error.message.contains("`docs/a.html`"), "{error}");
    }

    #[test]
    fn an_unknown_sdk_is_told_what_is_allowed() {
        let error =
            plan(Some(&card("sdk: gradioo")), None, &offered(), |_| true).expect_err("unknown");
        assert_eq!(error.fault, Fault::Card);
        assert!(error.message.starts_with("README.md:2:"), "{error}");
        assert!(
            error.message.contains("`static`") && error.message.contains("`wasi`"),
            "{error}"
        );
    }

    #[test]
    fn no_card_may_ask_for_more_time_than_there_is() {
        let ask = |time: &str| {
            plan(
                Some(&card(&format!("sdk: wasi\nrequest_timeout: {time}"))),
                None,
                &offered(),
                |_| true,
            )
        };
        assert!(ask("10m").expect("a plan").notes.is_empty());
        for time in ["601s", "3600", "1h30m", "99999999999999999999d"] {
            let plan = ask(time).expect("a plan");
            let most = Some(Duration::from_secs(600));
            assert_eq!(plan.settings().request_timeout, most, "{time}");
            let note =
                "README.md:3: `request_timeout` is cut to 10m, the most that this server allows";
            assert_eq!(plan.notes, [note]);
        }
    }

    #[test]
    fn no_container_may_ask_for_more_than_there_is() {
        for (field, message) in [
            (
                "storage: 11GiB",
                "`storage` may be at most 10 GiB on this server",
            ),
            (
                "egress: internet",
                "this server's operator does not let Spaces of this kind reach all of the internet; set `egress` to a \
                 list of hosts",
            ),
        ] {
            let readme = card(&format!("sdk: gradio\n{field}"));
            let error = plan(Some(&readme), None, &offered(), |_| true).expect_err("too much");
            assert_eq!(error.fault, Fault::Card);
            assert!(
                error
                    .message
                    .starts_with(&format!("README.md:3: {message}")),
                "{error}"
            );
        }
        let readme = card("sdk: docker\nstartup_duration_timeout: 30m\nstorage: 10GiB");
        let planned =
            plan(Some(&readme), None, &offered(), |path| path == "Dockerfile").expect("a plan");
        assert_eq!(planned.settings().storage_bytes, Some(10 << 30));
        assert!(planned.notes.is_empty(), "{:?}", planned.notes);
        let longer = card("sdk: docker\nstartup_duration_timeout: 1h");
        let planned = plan(Some(&longer), None, &offered(), |_| true).expect("a plan");
        let most = Some(Duration::from_secs(1800));
        assert_eq!(planned.settings().startup_timeout, most);
        assert!(
            planned.notes[0].contains("cut to 30m"),
            "{:?}",
            planned.notes
        );
        let without = Offer {
            containers: None,
            ..offered()
        };
        let error = plan(Some(&readme), None, &without, |_| true).expect_err("no containers");
        assert!(
            error
                .message
                .starts_with("README.md:2: `sdk: docker` needs containers"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_dockerfile_is_not_laid_to_a_field_that_is_ignored() {
        let readme = card("sdk: docker\napp_file: app.py");
        let here = |path: &str| path == "app.py";
        let error = plan(Some(&readme), None, &offered(), here).expect_err("no Dockerfile");
        assert_eq!(error.fault, Fault::NoAppFile);
        assert!(error.message.contains("`Dockerfile` is missing"), "{error}");
        assert!(
            error.message.contains("`sdk: docker` runs this file"),
            "{error}"
        );
    }

    #[test]
    fn hardware_that_is_not_offered_is_said() {
        let notes = |wanted: &str| {
            let readme = card(&format!("sdk: static\nsuggested_hardware: {wanted}"));
            plan(Some(&readme), None, &offered(), |_| true)
                .expect("a plan")
                .notes
        };
        assert!(notes("cpu-basic").is_empty());
        assert!(notes("a10g-small")[0].contains("cpu-nano, cpu-basic"));
    }

    proptest! {
        #[test]
        fn a_plan_has_a_card_and_its_file(
            readme in proptest::option::of("(---\n)?((sdk: (wasi|static|docker)|app_file: [a-z./]{1,9}|[ -~]{0,20})\n){0,4}(---\n)?"),
            files in proptest::collection::vec("(app.wasm|index.html|[a-z./]{1,9})", 0..4),
        ) {
            match plan(readme.as_deref(), None, &offered(), |path| files.iter().any(|file| file == path)) {
                Ok(plan) => prop_assert!(files.contains(&plan.card.app_file)),
                Err(error) => {
                    prop_assert!(matches!(error.fault, Fault::Card | Fault::NoAppFile));
                    prop_assert!(!error.message.is_empty());
                    let parsed = readme.is_some_and(|readme| Card::parse(&readme).is_ok());
                    prop_assert_eq!(error.fault == Fault::NoAppFile, parsed);
                }
            }
        }
    }
}

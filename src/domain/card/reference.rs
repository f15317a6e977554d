//! Every field of a card, and what becomes of it.

/// A field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    /// As it is written.
    pub(super) name: &'static str,
    /// What it does here.
    pub(super) state: State,
}

/// What a field does on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// What the documentation says of it.
    Works,
    /// It is kept, shown to clients, and means nothing to the server.
    Kept,
    /// It is kept and shown too, and would change how the app runs elsewhere; why it does not here.
    NoEffect(&'static str),
}

use State::{Kept, NoEffect, Works};

/// All fields: the Hub's, as in its Spaces configuration reference, and this server's own.
pub(super) const FIELDS: [Field; 36] = [
    field("title", Works),
    field("emoji", Works),
    field("colorFrom", Works),
    field("colorTo", Works),
    field("sdk", Works),
    field("python_version", Works),
    field("sdk_version", Works),
    field("suggested_hardware", Works),
    field("suggested_storage", Kept),
    field("app_file", Works),
    field(
        "app_build_command",
        NoEffect("a static Space is served as it was pushed; push what the command makes"),
    ),
    field("app_port", Works),
    field("base_path", Works),
    field(
        "fullWidth",
        NoEffect("an app always has the whole width of its page"),
    ),
    field("header", NoEffect("the Space's page has one header")),
    field("short_description", Works),
    field("models", Works),
    field("datasets", Works),
    field("tags", Works),
    field("thumbnail", Kept),
    field("pinned", Kept),
    field("license", Kept),
    field("language", Kept),
    field("hf_oauth", Works),
    field("hf_oauth_scopes", Works),
    field("hf_oauth_expiration_minutes", Works),
    field("hf_oauth_authorized_org", Works),
    field(
        "disable_embedding",
        NoEffect("the app's own `Content-Security-Policy` decides who may frame it"),
    ),
    field("startup_duration_timeout", Works),
    field("custom_headers", Works),
    field("preload_from_hub", Works),
    field("instance_reuse", Works),
    field("request_timeout", Works),
    field("egress", Works),
    field("storage", Works),
    field("duplicated_from", Kept),
];

const fn field(name: &'static str, state: State) -> Field {
    Field { name, state }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_says_what_becomes_of_each_field() {
        let document = include_str!("../../../deploy/docs/card.md");
        let head = "| field | here |\n|---|---|\n";
        let (_, table) = document.split_once(head).expect("a table");
        let (table, _) = table.split_once("\n\n").expect("an end");
        let rows = FIELDS.iter().map(|field| {
            let here = match field.state {
                Works => "works".to_owned(),
                Kept => "kept and passed on to clients".to_owned(),
                NoEffect(why) => format!("no effect here: {why}"),
            };
            format!("| `{}` | {here} |", field.name)
        });
        assert_eq!(table.lines().collect::<Vec<_>>(), rows.collect::<Vec<_>>());
    }
}

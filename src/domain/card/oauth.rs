//! What a card says of signing people in.

use serde_json::Value;

use super::fields::Fields;
use super::values::plain;
use crate::domain::{OAuthApp, OAuthScope, Owner};

// === impl Fields ===

impl Fields<'_> {
    /// `None` where it signs nobody in.
    pub(super) fn oauth_app(&mut self) -> Option<OAuthApp> {
        let wanted = self.flag("hf_oauth")?;
        let app = OAuthApp {
            scopes: self.oauth_scopes(),
            minutes: self.oauth_minutes(),
            organizations: self.authorized_organizations(),
        };
        wanted.then_some(app)
    }

    /// Words that are no scopes are left out.
    fn oauth_scopes(&mut self) -> Vec<String> {
        let key = "hf_oauth_scopes";
        let mut scopes: Vec<_> = OAuthApp::ALWAYS.map(str::to_owned).into();
        for word in self.texts(key, Some(',')) {
            if scopes.contains(&word) {
                continue;
            }
            let shown = plain(&word.as_str().into());
            if OAuthScope::is_without_effect(&word) {
                let message = format!("`{key}`: `{shown}` gives the Space nothing on this server");
                self.warn(key, message);
            } else if OAuthScope::from_word(&word).is_none() {
                let known = OAuthScope::ALL.map(|scope| format!("`{}`", scope.as_str()));
                let message = format!(
                    "`{key}`: `{shown}` is not a scope and is left out; scopes are {}",
                    known.join(", ")
                );
                self.warn(key, message);
                continue;
            }
            scopes.push(word);
        }
        scopes
    }

    fn oauth_minutes(&mut self) -> u32 {
        let key = "hf_oauth_expiration_minutes";
        let Some(value) = self.get(key).cloned() else {
            return OAuthApp::USUAL_MINUTES;
        };
        let text = plain(&value);
        let most = OAuthApp::MOST_MINUTES;
        match text.parse::<u64>() {
            Ok(minutes) if minutes > u64::from(most) => {
                self.warn(
                    key,
                    format!("`{key}: {text}` is cut to {most}, the most there is"),
                );
                most
            }
            Ok(minutes @ 1..) => u32::try_from(minutes).unwrap_or(most),
            Ok(0) | Err(_) => {
                let message =
                    format!("`{key}: {text}` must be a number of minutes from 1 to {most}");
                self.problem(key, message);
                OAuthApp::USUAL_MINUTES
            }
        }
    }

    /// What cannot be read is a problem: it must not let everybody in.
    fn authorized_organizations(&mut self) -> Vec<Owner> {
        let key = "hf_oauth_authorized_org";
        let names = match self.get(key) {
            None => return Vec::new(),
            Some(Value::String(name)) => vec![name.clone()],
            Some(Value::Array(list)) => list
                .iter()
                .map(|name| name.as_str().unwrap_or_default().to_owned())
                .collect(),
            Some(_) => vec![String::new()],
        };
        let read: Option<Vec<Owner>> = names.iter().map(|name| name.trim().parse().ok()).collect();
        read.unwrap_or_else(|| {
            let message =
                format!("`{key}` must be the name of an organisation, or a list of such names");
            self.problem(key, message);
            Vec::new()
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{Card, CardProblem};

    fn card(lines: &str) -> Card {
        Card::parse(&format!("---\nsdk: docker\n{lines}\n---\n")).expect("valid")
    }

    #[test]
    fn an_app_has_the_hubs_scopes_and_time() {
        assert_eq!(card("title: a").oauth, None);
        assert_eq!(
            card("hf_oauth: false\nhf_oauth_scopes: [email]").oauth,
            None
        );
        let app = card("hf_oauth: true").oauth.expect("an app");
        assert_eq!(app.scopes, ["openid", "profile"]);
        assert_eq!((app.minutes, app.organizations.len()), (480, 0));
        let lines = "hf_oauth: true\nhf_oauth_scopes:\n- email\n- profile\n- inference-api\n- all\n\
                     hf_oauth_expiration_minutes: 99999\nhf_oauth_authorized_org: [lab, Other]";
        let card = card(lines);
        let app = card.oauth.expect("an app");
        assert_eq!(app.scopes, ["openid", "profile", "email", "inference-api"]);
        assert_eq!(app.minutes, 43_200);
        let names: Vec<_> = app.organizations.iter().map(|name| name.as_str()).collect();
        assert_eq!(names, ["lab", "Other"]);
        let warnings: Vec<_> = card.warnings.iter().map(CardProblem::text).collect();
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert!(warnings[0].contains(":4: ") && warnings[0].contains("nothing on this server"));
        assert!(warnings[1].contains("`all` is not a scope"), "{warnings:?}");
    }

    #[test]
    fn what_cannot_be_read_lets_nobody_in() {
        for lines in [
            "hf_oauth: yes please",
            "hf_oauth: true\nhf_oauth_authorized_org: 7",
            "hf_oauth: true\nhf_oauth_authorized_org: [lab, {a: b}]",
            "hf_oauth: true\nhf_oauth_authorized_org: 'a/b'",
            "hf_oauth: true\nhf_oauth_expiration_minutes: 0",
            "hf_oauth: true\nhf_oauth_expiration_minutes: -5",
            "hf_oauth: true\nhf_oauth_expiration_minutes: soon",
        ] {
            let readme = format!("---\nsdk: docker\n{lines}\n---\n");
            assert!(Card::parse(&readme).is_err(), "{lines}");
            assert_eq!(Card::oauth_app(&readme), None, "{lines}");
        }
        // What else is wrong with a card keeps nobody out.
        let readme = "---\nsdk: dockerr\nhf_oauth: true\n---\n";
        assert!(Card::oauth_app(readme).is_some());
        assert_eq!(Card::oauth_app("no card"), None);
    }
}

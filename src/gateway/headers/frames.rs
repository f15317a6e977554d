//! Which pages may show an app in a frame.

use http::header::CONTENT_SECURITY_POLICY;
use http::{HeaderMap, HeaderValue};

use super::retain_values;

/// Whose frames apps allow that were written for the Hub.
const HUB: &str = "huggingface.co";

/// Lets this server's own pages show what an app lets the Hub's pages show: where its policy (CSP, `frame-ancestors`) names the
/// Hub, this `hub` stands beside it.
pub(in crate::gateway) fn allow_this_hub(headers: &mut HeaderMap, hub: impl FnOnce() -> String) {
    let policies = headers.get_all(CONTENT_SECURITY_POLICY).iter();
    let mut policies = policies.filter_map(|policy| policy.to_str().ok());
    if !policies.any(|policy| policy.contains(HUB)) {
        return;
    }
    let hub = hub();
    retain_values(headers, &CONTENT_SECURITY_POLICY, |value| {
        let Ok(text) = value.to_str() else {
            return Some(value.clone());
        };
        let policies = text.split(',').map(|policy| {
            let directives = policy.split(';').map(|directive| with_hub(directive, &hub));
            directives.collect::<Vec<_>>().join(";")
        });
        let policies = policies.collect::<Vec<_>>().join(",");
        Some(HeaderValue::try_from(policies).unwrap_or_else(|_| value.clone()))
    });
}

fn with_hub(directive: &str, hub: &str) -> String {
    let mut words = directive.split_ascii_whitespace();
    let is_frames = words
        .next()
        .is_some_and(|name| name.eq_ignore_ascii_case("frame-ancestors"));
    let is_the_hub = |source: &str| {
        let host = source.strip_prefix("https://").unwrap_or(source);
        host.trim_start_matches("*.").trim_end_matches('/') == HUB
    };
    match is_frames && words.any(is_the_hub) {
        true => format!("{} {hub}", directive.trim_end()),
        false => directive.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lets_the_hub_lets_this_one() {
        let told = |policy: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
            allow_this_hub(&mut headers, || "https://spaces.example".to_owned());
            let policy = headers[CONTENT_SECURITY_POLICY].to_str().expect("plain");
            policy.to_owned()
        };
        assert_eq!(
            told("default-src x; frame-ancestors 'self' https://huggingface.co; base-uri y"),
            "default-src x; frame-ancestors 'self' https://huggingface.co https://spaces.example; base-uri y"
        );
        assert_eq!(
            told("img-src *, Frame-Ancestors *.huggingface.co"),
            "img-src *, Frame-Ancestors *.huggingface.co https://spaces.example"
        );
        for other in [
            "frame-ancestors 'self'",
            "frame-ancestors 'none'; img-src https://huggingface.co",
            "frame-ancestors https://huggingface.co.evil.example",
        ] {
            assert_eq!(told(other), other);
        }
    }
}

//! Signing in at a Space with an account of the house.

mod attacks;
mod flow;
mod members;
mod reach;
mod renewal;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use glasshouse::auth::Auth;
use glasshouse::keys::open_key;
use glasshouse::store::{Sealer, Store};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::session::Session;
use crate::support::{Answer, Hub, Op, Request, Server, Space, card};

/// A Space as the house knows it when it signs people in.
pub struct Client<'a> {
    pub server: &'a Server,
    pub id: String,
    pub secret: String,
    /// `http://alice-demo.localhost:PORT`
    pub origin: String,
}

/// A Space whose card asks for signing people in, with more lines.
pub fn app(more: &str) -> Vec<Op> {
    let card = card(&format!("sdk: static\nhf_oauth: true\n{more}"));
    vec![card, Op::file("index.html", "an app")]
}

// === impl Client ===

impl<'a> Client<'a> {
    /// The client that a Space is. Its secret is read as its own instances would be given it.
    pub fn of(space: &Space<'a>) -> Self {
        let server = space.hub.server;
        let id = space.info()["_id"].as_str().unwrap().to_owned();
        Self {
            secret: secret(server, &id),
            server,
            id,
            origin: format!("http://{}", space.host()),
        }
    }

    pub fn publish(owner: &Hub<'a>, name: &str, more: &str) -> Self {
        let space = owner.create(name);
        space.commit(&app(more));
        Self::of(&space)
    }

    /// What a request asks for unless it is said otherwise; an empty value is left out.
    fn asked<'f>(
        &'f self,
        more: &[(&'f str, &'f str)],
        callback: &'f str,
    ) -> Vec<(&'f str, &'f str)> {
        let mut fields = vec![
            ("client_id", self.id.as_str()),
            ("redirect_uri", callback),
            ("response_type", "code"),
            ("scope", "openid profile"),
            ("state", "a b&c"),
        ];
        for (name, value) in more {
            fields.retain(|(known, _)| known != name);
            fields.push((name, value));
        }
        fields.retain(|(_, value)| !value.is_empty());
        fields
    }

    pub fn callback(&self) -> String {
        format!("{}/login/callback", self.origin)
    }

    /// Where a browser is led to begin.
    pub fn page(&self, more: &[(&str, &str)]) -> String {
        format!(
            "/oauth/authorize?{}",
            form(&self.asked(more, &self.callback()))
        )
    }

    /// What the page's form sends.
    pub(super) fn answers(
        &self,
        session: &Session<'_>,
        answer: &str,
        more: &[(&str, &str)],
    ) -> Answer {
        let callback = self.callback();
        let mut fields = self.asked(more, &callback);
        fields.push(("answer", answer));
        session.send("/oauth/authorize", &fields)
    }

    /// A code for somebody who says yes.
    #[track_caller]
    pub(super) fn code(&self, session: &Session<'_>, more: &[(&str, &str)]) -> String {
        let answer = self.answers(session, "yes", more).expect(303);
        let location = answer.header("location").unwrap();
        parameter(location, "code").unwrap_or_else(|| panic!("no code: {location}"))
    }

    /// `POST /oauth/token` or the like, as the Space.
    pub fn post(&self, target: &str, fields: &[(&str, &str)]) -> Answer {
        let known = STANDARD.encode(format!("{}:{}", self.id, self.secret));
        let request = open_post(target, fields).header("authorization", format!("Basic {known}"));
        request.send(self.server.address)
    }

    pub fn redeem(&self, code: &str) -> Answer {
        let callback = self.callback();
        self.post(
            "/oauth/token",
            &[
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", &callback),
            ],
        )
    }

    /// The tokens of somebody who says yes.
    #[track_caller]
    pub(super) fn tokens(&self, session: &Session<'_>, more: &[(&str, &str)]) -> Value {
        self.redeem(&self.code(session, more)).expect(200).json()
    }
}

pub fn open_post(target: &str, fields: &[(&str, &str)]) -> Request {
    Request::post(target)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form(fields))
}

pub fn userinfo(server: &Server, token: &str) -> Answer {
    let request = Request::get("/oauth/userinfo").bearer(token);
    request.send(server.address)
}

pub fn form(fields: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| {
        let bytes = value.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        });
        format!("{name}={}", bytes.collect::<String>())
    };
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// A parameter of an address, as it is written there.
pub fn parameter(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

/// What an ID token says.
pub fn payload(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// What proves that its holder has asked (RFC 7636).
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

fn secret(server: &Server, id: &str) -> String {
    let data = server.data();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let sealer = Sealer::new(&open_key(&data.join("keys/secrets")).unwrap());
        let url = format!("sqlite://{}", data.join("glasshouse.db").display());
        let store = Store::connect(&url, sealer).await.unwrap();
        let space = store
            .space_by_id(id.parse().unwrap())
            .await
            .unwrap()
            .unwrap();
        Auth::new(store).oauth_secret(&space).expose().to_owned()
    })
}

//! A browser's session, without the browser.

use super::forms::{form, sign_in};
use crate::support::{Answer, Request, Server};

pub(super) struct Session<'a> {
    pub(super) server: &'a Server,
    pub(super) cookie: String,
    /// What its forms carry.
    pub(super) carried: String,
}

// === impl Session ===

impl<'a> Session<'a> {
    pub(super) fn of(server: &'a Server, token: &str) -> Self {
        let (cookie, carried) = sign_in(server, token);
        Self {
            server,
            cookie,
            carried,
        }
    }

    pub(super) fn look(&self, target: &str) -> Answer {
        let request = Request::get(target).header("cookie", &self.cookie);
        request.send(self.server.address)
    }

    pub(super) fn send(&self, target: &str, fields: &[(&str, &str)]) -> Answer {
        self.form(target, fields).send(self.server.address)
    }

    pub(super) fn form(&self, target: &str, fields: &[(&str, &str)]) -> Request {
        let mut body = encoded("form", &self.carried);
        for (name, value) in fields {
            body.push('&');
            body += &encoded(name, value);
        }
        form(target, &self.cookie, &body)
    }

    /// A request that carries its cookie and no form yet.
    pub(super) fn post(&self, target: &str) -> Request {
        Request::post(target).header("cookie", &self.cookie)
    }

    /// The commit that a page's form is built on.
    pub(super) fn parent(&self, target: &str) -> String {
        hidden(&self.look(target).expect(200).text(), "parent")
    }
}

/// The value of a page's hidden field.
pub(super) fn hidden(page: &str, name: &str) -> String {
    let field = format!("name=\"{name}\" value=\"");
    let page = page.replace("\nvalue=", " value=");
    let value = page.split(&field).nth(1).expect("the field");
    value.split('"').next().unwrap().to_owned()
}

fn encoded(name: &str, value: &str) -> String {
    let bytes = value.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    format!("{name}={}", bytes.collect::<String>())
}

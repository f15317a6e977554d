//! An identity provider: `oidc-provider`, a certified one, with a sign-in page that takes any name.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use super::node::node;

/// Runs until it is dropped.
pub struct IdentityProvider {
    child: Child,
    /// Kept, for a program that cannot say what it has to say ends.
    _said: BufReader<ChildStdout>,
    /// Its address.
    pub issuer: String,
    _folder: tempfile::TempDir,
}

/// What the hub is called there, and by what secret it is known.
pub const CLIENT: (&str, &str) = ("the hub", "s3cret: %+&=/");

const PROGRAM: &str = r#"
import http from "node:http";
import Provider from "oidc-provider";
const [client_id, client_secret] = process.argv.slice(2);
const server = http.createServer((request, response) => answer(request, response));
let answer;
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://localhost:${server.address().port}`;
  const provider = new Provider(issuer, {
    // Its port is not known yet, so that is looked at below.
    clients: [{ client_id, client_secret, redirect_uris: ["https://hub.example/login/oidc/callback"] }],
    claims: { profile: ["preferred_username"] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: async () => ({ sub: `number-${id.toLowerCase()}`, preferred_username: id }),
    }),
  });
  provider.Client.prototype.redirectUriAllowed = (uri) => new URL(uri).pathname === "/login/oidc/callback";
  answer = provider.callback();
  console.log(issuer);
});
"#;

// === impl IdentityProvider ===

impl IdentityProvider {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (id, secret) = CLIENT;
        let mut child = node(folder.path(), PROGRAM)
            .args([id, secret])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node: tests/run installs it, or GLASSHOUSE_TEST_SKIP=browser leaves these tests out");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut issuer = String::new();
        output.read_line(&mut issuer).expect("it says where it is");
        Self {
            issuer: issuer.trim().to_owned(),
            child,
            _said: output,
            _folder: folder,
        }
    }

    /// No answer comes from it any more.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        self.stop();
    }
}

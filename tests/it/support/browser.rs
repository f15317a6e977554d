//! A real browser, driven as the WebDriver standard has it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Request, eventually};

/// Chromium without a window. Its drop ends it, and every child of it.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    _profile: tempfile::TempDir,
}

const FLAGS: [&str; 7] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
];

// === impl Browser ===

impl Browser {
    /// Of a desktop, 1200 by 900.
    pub fn open() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver: tests/run installs it, or GLASSHOUSE_TEST_SKIP=browser leaves these tests out");
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            line.split("on port ")
                .nth(1)?
                .trim_end_matches('.')
                .parse()
                .ok()
                .filter(|port| *port != 0)
        });
        let address = ([127, 0, 0, 1], port.expect("a port")).into();
        let profile = tempfile::tempdir().unwrap();
        let mut arguments: Vec<_> = FLAGS.map(str::to_owned).into();
        arguments.push("--window-size=1200,900".into());
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let mut browser = Self {
            driver,
            address,
            session: String::new(),
            _profile: profile,
        };
        let wanted =
            json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}}}});
        let session = browser.call("POST", "", &wanted);
        browser.session = session["sessionId"].as_str().unwrap().to_owned();
        browser
    }

    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let target = match self.session.as_str() {
            "" => "/session".to_owned(),
            session => format!("/session/{session}{path}"),
        };
        let request = Request::new(method, target).json(body);
        request.send(self.address).expect(200).json()["value"].clone()
    }

    /// Goes there, and waits until the page has loaded.
    #[track_caller]
    pub fn visit(&self, url: &str) {
        self.call("POST", "/url", &json!({ "url": url }));
    }

    /// Runs the body of a function in the page; what it returns.
    #[track_caller]
    pub fn run(&self, script: &str) -> Value {
        self.call(
            "POST",
            "/execute/sync",
            &json!({"script": script, "args": []}),
        )
    }

    /// Whether an expression of the page becomes true within that time.
    #[track_caller]
    pub fn comes_to(&self, expression: &str, patience: Duration) -> bool {
        let begin = std::time::Instant::now();
        while begin.elapsed() < patience {
            if self.run(&format!("return Boolean({expression})")) == true {
                return true;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        false
    }

    /// Waits until an expression of the page is true.
    #[track_caller]
    pub fn waits_for(&self, expression: &str) {
        eventually(Duration::from_secs(60), expression, || {
            (self.run(&format!("return Boolean({expression})")) == true).then_some(())
        });
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // It ends the browser; what comes back is no matter.
            let _ = Request::new("DELETE", format!("/session/{}", self.session)).open(self.address);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

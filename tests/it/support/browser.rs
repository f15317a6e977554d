//! A real browser, driven as the WebDriver standard has it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

use super::{Answer, Request, eventually};

/// Chromium without a window. Its drop ends it, and every child of it.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    _profile: tempfile::TempDir,
}

/// How long an element is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What Chromium says of whatever it was loading when an interface of this machine came or went, as those of containers
/// do. Visitors on machines of their own see nothing of it.
const NETWORK_CHANGED: &str = "ERR_NETWORK_CHANGED";

/// What an element's identifier is called in answers (WebDriver §12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

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
        Self::sized(1200, 900, false)
    }

    /// Of that size, and of somebody who likes it dark.
    pub fn sized(width: u32, height: u32, dark: bool) -> Self {
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
        arguments.push(format!("--window-size={width},{height}"));
        if dark {
            arguments.push("--blink-settings=preferredColorScheme=0".into());
        }
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let mut browser = Self {
            driver,
            address,
            session: String::new(),
            _profile: profile,
        };
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "SEVERE"},
        }}});
        let session = browser.call("POST", "", &wanted);
        browser.session = session["sessionId"].as_str().unwrap().to_owned();
        browser
    }

    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        self.ask(method, path, body).expect(200).json()["value"].clone()
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let target = match self.session.as_str() {
            "" => "/session".to_owned(),
            session => format!("/session/{session}{path}"),
        };
        let request = Request::new(method, target);
        let request = match method {
            "GET" => request,
            _ => request.json(body),
        };
        request.send(self.address)
    }

    /// Goes there, and waits until the page has loaded.
    #[track_caller]
    pub fn visit(&self, url: &str) {
        for _ in 0..10 {
            let visited = self.ask("POST", "/url", &json!({ "url": url }));
            let dropped = self.has_dropped();
            if !dropped && !visited.text().contains(NETWORK_CHANGED) {
                visited.expect(200);
                return;
            }
        }
        panic!("{url}: the network of this machine never rested");
    }

    /// Goes there, and waits until an expression of the page is true: for pages that go on loading by themselves.
    #[track_caller]
    pub fn opens(&self, url: &str, expression: &str, patience: Duration) {
        let begin = Instant::now();
        self.visit(url);
        while let Err(last) = self.watch(expression, Duration::from_secs(1)) {
            assert!(
                begin.elapsed() < patience,
                "{expression}: not within {patience:?}; last {last}"
            );
            if self.has_dropped() {
                self.visit(url);
            }
        }
    }

    /// Whether Chromium has dropped something it was loading, since this was last asked, for no fault of the server.
    fn has_dropped(&self) -> bool {
        let log = self.call("POST", "/se/log", &json!({"type": "browser"}));
        log.to_string().contains(NETWORK_CHANGED)
    }

    /// Runs the body of a function in the page; what it returns.
    #[track_caller]
    pub fn run(&self, script: &str) -> Value {
        self.execute(script).expect(200).json()["value"].clone()
    }

    fn execute(&self, script: &str) -> Answer {
        let body = json!({"script": script, "args": []});
        self.ask("POST", "/execute/sync", &body)
    }

    /// Looks until the expression is true; else what was last answered.
    fn watch(&self, expression: &str, patience: Duration) -> Result<(), String> {
        let script = format!("return Boolean({expression})");
        let begin = Instant::now();
        loop {
            // While one page takes the place of another there is none to run it in, which is an error to the driver.
            let answer = self.execute(&script);
            if answer.status == 200 && answer.json()["value"] == true {
                return Ok(());
            }
            if begin.elapsed() >= patience {
                let page = "return [location.href, document.readyState, document.body?.innerText.slice(0, 500)]";
                let page = self.execute(page).text();
                return Err(format!("{}: {}\n{page}", answer.status, answer.text()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The same with an argument, for a script that calls `arguments[1]` with its answer.
    #[track_caller]
    pub fn run_async(&self, script: &str, argument: &Value) -> Value {
        let body = json!({ "script": script, "args": [argument] });
        self.call("POST", "/execute/async", &body)
    }

    /// Where it is.
    #[track_caller]
    pub fn address(&self) -> String {
        let url = self.call("GET", "/url", &Value::Null);
        url.as_str().unwrap().to_owned()
    }

    /// The element, once it is there.
    #[track_caller]
    pub fn find(&self, css: &str) -> String {
        let wanted = json!({ "using": "css selector", "value": css });
        eventually(PATIENCE, css, || {
            let found = self.ask("POST", "/element", &wanted);
            let found = (found.status == 200).then(|| found.json())?;
            found["value"][ELEMENT].as_str().map(str::to_owned)
        })
    }

    /// Clicks on the element, once it is there.
    #[track_caller]
    pub fn click(&self, css: &str) {
        // A page that lives may put another in its place between the two calls.
        eventually(PATIENCE, css, || {
            let path = format!("/element/{}/click", self.find(css));
            (self.ask("POST", &path, &json!({})).status == 200).then_some(())
        });
    }

    /// Types into a field, after what is there.
    #[track_caller]
    pub fn fill(&self, css: &str, text: &str) {
        let path = format!("/element/{}/value", self.find(css));
        self.call("POST", &path, &json!({ "text": text }));
    }

    /// Waits until the element shows that text.
    #[track_caller]
    pub fn shows(&self, css: &str, text: &str) {
        let found =
            format!("(document.querySelector({css:?})?.innerText ?? '').includes({text:?})");
        self.waits_for(&found);
    }

    /// Goes on inside the frame; `None` goes back to the page.
    #[track_caller]
    pub fn enter(&self, css: Option<&str>) {
        // A page that lives may put another in its place between the two calls.
        eventually(PATIENCE, css.unwrap_or("the page"), || {
            let id = css.map_or(Value::Null, |css| json!({ ELEMENT: self.find(css) }));
            let entered = self.ask("POST", "/frame", &json!({ "id": id }));
            (entered.status == 200).then_some(())
        });
    }

    /// A command of Chromium's own protocol.
    #[track_caller]
    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.call("POST", "/goog/cdp/execute", &body)
    }

    /// Drags files and folders of this machine over the element, and lets them fall.
    #[track_caller]
    pub fn drop_on(&self, css: &str, paths: &[&Path]) {
        self.find(css);
        let middle = self.run(&format!(
            "const element = document.querySelector({css:?});
             element.scrollIntoView({{block: 'center', behavior: 'instant'}});
             const box = element.getBoundingClientRect();
             return {{x: box.x + box.width / 2, y: box.y + box.height / 2}}"
        ));
        for kind in ["dragEnter", "dragOver", "drop"] {
            let dragged = json!({ "items": [], "files": paths, "dragOperationsMask": 1 });
            self.devtools(
                "Input.dispatchDragEvent",
                &json!({"type": kind, "x": middle["x"], "y": middle["y"], "data": dragged}),
            );
        }
    }

    /// A picture of what is seen, as PNG.
    #[track_caller]
    pub fn picture(&self) -> Vec<u8> {
        let picture = self.call("GET", "/screenshot", &Value::Null);
        let picture = picture.as_str().unwrap();
        base64::engine::general_purpose::STANDARD
            .decode(picture)
            .unwrap()
    }

    /// Waits until an expression of the page is true.
    #[track_caller]
    pub fn waits_for(&self, expression: &str) {
        let patience = Duration::from_secs(60);
        if let Err(last) = self.watch(expression, patience) {
            panic!("{expression}: not within {patience:?}; last {last}");
        }
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

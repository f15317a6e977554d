//! The real binary, on a free port, with a temporary folder.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Hf, Hub, Python, Request, cli, eventually};

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_glasshouse");

/// A running server. Its drop kills it, and prints its log when the test failed.
pub struct Server {
    pub address: SocketAddr,
    folder: tempfile::TempDir,
    settings: Vec<(String, String)>,
    child: Option<Child>,
    printed: Arc<Mutex<Vec<String>>>,
}

// === impl Server ===

impl Server {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With settings as `GLASSHOUSE_*` variables: `("GATEWAY__QUEUE", "2")`; `PATH` is where it finds programs.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(settings, |_| {})
    }

    /// The same on the data folder that `prepare` makes at a path where nothing is yet.
    pub fn on(settings: &[(&str, &str)], prepare: impl FnOnce(&Path)) -> Self {
        let settings = settings.iter().map(|(key, value)| {
            let name = match *key {
                "PATH" => "PATH".to_owned(),
                key => format!("GLASSHOUSE_{key}"),
            };
            (name, (*value).to_owned())
        });
        let mut server = Self {
            address: ([0, 0, 0, 0], 0).into(),
            folder: tempfile::tempdir().unwrap(),
            settings: settings.collect(),
            child: None,
            printed: Arc::default(),
        };
        prepare(&server.data());
        server.launch();
        server
    }

    /// One that `start` starts in its own way, on that data folder, and ends as well: where it listens is what is returned.
    pub fn started_by(start: impl FnOnce(&Path) -> SocketAddr) -> Self {
        let mut server = Self {
            address: ([0, 0, 0, 0], 0).into(),
            folder: tempfile::tempdir().unwrap(),
            settings: Vec::new(),
            child: None,
            printed: Arc::default(),
        };
        server.address = start(&server.data());
        server.wait_until_ready();
        server
    }

    /// Ends it as a power cut would: no handler of its own runs.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Asks it to end and waits for it; its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("runs");
        let id = child.id().to_string();
        assert!(Command::new("kill").arg(id).status().unwrap().success());
        let status = eventually(Duration::from_secs(30), "the server stops", || {
            child.try_wait().unwrap()
        });
        status.code()
    }

    /// Starts it again on the same folder, with another port.
    pub fn launch(&mut self) {
        assert!(self.child.is_none(), "it still runs");
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())
            .unwrap();
        let mut command = Command::new(BINARY);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(self.data())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.settings.iter().cloned())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        self.child = Some(child);
        self.address = self.read_address(output);
        self.wait_until_ready();
    }

    /// Also where nobody listens yet.
    pub fn wait_until_ready(&self) {
        eventually(Duration::from_secs(30), "ready", || {
            let answer = Request::get("/readyz").open(self.address).ok()?.finish();
            (answer.status == 200).then_some(())
        });
    }

    fn read_address(&self, output: impl BufRead + Send + 'static) -> SocketAddr {
        let (sender, receiver) = std::sync::mpsc::channel();
        let printed = Arc::clone(&self.printed);
        printed.lock().unwrap().clear();
        // It goes on reading to the end, so that the server never waits for a reader.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if line.starts_with("listening on ") {
                    let port = line.rsplit(':').next().and_then(|port| port.parse().ok());
                    let _ = sender.send(port);
                }
                printed.lock().unwrap().push(line);
            }
        });
        match receiver.recv_timeout(Duration::from_secs(60)) {
            Ok(port) => ([127, 0, 0, 1], port.expect("a port")).into(),
            Err(_) => panic!("the server never said where it listens:\n{}", self.log()),
        }
    }

    /// The lines it has printed since it was last started.
    pub fn printed(&self) -> Vec<String> {
        self.printed.lock().unwrap().clone()
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A new empty folder beside its data.
    pub fn scratch(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// The process, while it runs.
    pub fn process(&self) -> u32 {
        self.child.as_ref().expect("runs").id()
    }

    pub fn admin_token(&self) -> String {
        let text = fs::read_to_string(self.data().join("admin-token")).unwrap();
        text.trim().to_owned()
    }

    /// The Hub's protocol by hand, as the account `admin`.
    pub fn admin(&self) -> Hub<'_> {
        Hub::new(self, "admin", &self.admin_token())
    }

    /// A new account, made on the command line as an operator would.
    pub fn user(&self, name: &str) -> Hub<'_> {
        let made = cli::glasshouse(self, &self.admin_token(), &["user", "add", name]);
        Hub::new(self, name, made.success().stdout.trim())
    }

    /// Nobody in particular.
    pub fn anonymous(&self) -> Hub<'_> {
        Hub::new(self, "", "")
    }

    /// `huggingface_hub` in Python, with that token.
    pub fn python(&self, token: &str) -> Python<'_> {
        Python::new(self, token)
    }

    /// The `hf` command, with that token.
    pub fn hf(&self, token: &str) -> Hf<'_> {
        Hf::new(self, token)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let begin = log.char_indices().rev().nth(20_000).map_or(0, |(at, _)| at);
            eprintln!("=== the server's log ===\n{}\n===", &log[begin..]);
        }
    }
}

/// CPU seconds a process has used, with its threads.
pub fn cpu_seconds(process: u32) -> f64 {
    let stat =
        fs::read_to_string(Path::new("/proc").join(process.to_string()).join("stat")).unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    let ticks: Vec<f64> = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse().unwrap())
        .collect();
    (ticks[0] + ticks[1]) / 100.0
}

/// Resident memory of a process in bytes.
pub fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

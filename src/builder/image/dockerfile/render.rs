//! How each instruction is written for the engine: in the one form that leaves nothing to interpret.

use super::command::Command;
use super::instruction::Instruction;
use super::text::Text;

// === impl Instruction ===

impl Instruction {
    /// One line for the engine. `shell` is the one that holds here, `from` what `COPY --from` was found to be.
    pub(super) fn written(&self, shell: &[String], from: Option<&str>) -> String {
        match self {
            Self::Arg(arguments) => {
                // Its value is given beside the text.
                let names = arguments.iter().map(|(name, _)| name.as_str());
                format!("ARG {}", names.collect::<Vec<_>>().join(" "))
            }
            Self::Env(pairs) => format!("ENV {}", written_pairs(pairs)),
            Self::Label(pairs) => format!("LABEL {}", written_pairs(pairs)),
            Self::Copy { chown, paths, .. } => {
                let from = from.map(|from| format!("--from={from} "));
                // Looked at when it was read.
                let chown = chown.as_ref().and_then(|owner| owner.bare().ok());
                let chown = chown.map(|owner| format!("--chown={owner} "));
                let (from, chown) = (from.unwrap_or_default(), chown.unwrap_or_default());
                format!("COPY {from}{chown}{}", quoted_array(paths))
            }
            // It is run here.
            Self::Run(..) | Self::Nothing => String::new(),
            Self::Cmd(command) => format!("CMD {}", command.written(shell)),
            Self::Entrypoint(command) => format!("ENTRYPOINT {}", command.written(shell)),
            Self::Healthcheck(None) => "HEALTHCHECK NONE".to_owned(),
            Self::Healthcheck(Some((options, command))) => {
                let options: String = options.iter().map(|option| format!("{option} ")).collect();
                format!("HEALTHCHECK {options}CMD {}", command.written(shell))
            }
            Self::Shell(words) => format!("SHELL {}", array(words.iter().map(String::as_str))),
            Self::Workdir(path) => format!("WORKDIR {}", path.quoted()),
            Self::User(user) => format!("USER {}", user.quoted()),
            Self::StopSignal(signal) => format!("STOPSIGNAL {}", signal.quoted()),
            Self::Volume(paths) => format!("VOLUME {}", quoted_array(paths)),
            Self::Expose(ports) => {
                let ports: Vec<String> = ports.iter().filter_map(|port| port.bare().ok()).collect();
                format!("EXPOSE {}", ports.join(" "))
            }
        }
    }
}

// === impl Command ===

impl Command {
    fn written(&self, shell: &[String]) -> String {
        array(self.words(shell).iter().map(String::as_str))
    }
}

/// A JSON array in which nothing looks like the start of a document within the Dockerfile.
fn array<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.collect();
    serde_json::Value::from(words)
        .to_string()
        .replace('<', "\\u003c")
}

fn quoted_array(words: &[Text]) -> String {
    let words: Vec<String> = words.iter().map(Text::quoted).collect();
    array(words.iter().map(String::as_str))
}

fn written_pairs(pairs: &[(Text, Text)]) -> String {
    let words = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", name.quoted(), value.quoted()));
    words.collect::<Vec<_>>().join(" ")
}

//! Enough JSON to print.

pub struct Object {
    text: String,
}

impl Object {
    pub fn new() -> Object {
        Object { text: "{".to_owned() }
    }

    /// `value` is JSON already.
    pub fn field(mut self, name: &str, value: &str) -> Object {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text += &format!("{}:{value}", text(name));
        self
    }

    pub fn end(self) -> String {
        self.text + "}"
    }
}

pub fn array(values: impl IntoIterator<Item = String>) -> String {
    let values: Vec<_> = values.into_iter().collect();
    format!("[{}]", values.join(","))
}

/// Only letters and full stops are ever written, so there is nothing to escape.
pub fn text(text: &str) -> String {
    debug_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'));
    format!("\"{text}\"")
}

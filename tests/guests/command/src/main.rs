//! A CGI guest: one process per request, PATH_INFO says how it behaves.

use std::hint::black_box;
use std::io::{self, Read, Write};

fn main() {
    let path = std::env::var("PATH_INFO").unwrap_or_default();
    match path.as_str() {
        "" | "/" => text("hello from a command\n"),
        "/echo" => echo(),
        "/env" => environment(),
        "/status" => say("Status: 418 I'm a teapot\r\nContent-Type: text/plain\r\n\r\nshort and stout\n"),
        "/location" => say("Location: /elsewhere\r\n\r\n"),
        "/exit3" => std::process::exit(3),
        "/no-head" => say("this is no header block, and no blank line ever comes"),
        "/print" => {
            eprintln!("a line for the log");
            text("ok\n");
        }
        "/endless" => endless(),
        "/spin" => spin(),
        _ => say("Status: 404 Not Found\nContent-Type: text/plain\n\nno such behaviour\n"),
    }
}

/// A reader that went away is not a reason to panic.
fn say(words: &str) {
    let mut output = io::stdout().lock();
    let _ = output.write_all(words.as_bytes()).and_then(|()| output.flush());
}

fn text(body: &str) {
    say(&format!("Content-Type: text/plain\n\n{body}"));
}

/// Passes each piece on as it arrives.
fn echo() {
    let content_type = std::env::var("CONTENT_TYPE").unwrap_or_default();
    let content_type = if content_type.is_empty() { "application/octet-stream" } else { &content_type };
    say(&format!("Content-Type: {content_type}\n\n"));
    let mut piece = [0; 16 * 1024];
    let mut output = io::stdout().lock();
    while let Ok(length) = io::stdin().lock().read(&mut piece) {
        if length == 0 || output.write_all(&piece[..length]).is_err() || output.flush().is_err() {
            break;
        }
    }
}

fn environment() {
    let list: String = std::env::vars().map(|(name, value)| format!("{name}={value}\n")).collect();
    text(&list);
}

/// Deliberately deaf to errors: a reader that went away must not be what stops it.
fn endless() {
    say("Content-Type: application/octet-stream\n\n");
    let line = ".".repeat(4095) + "\n";
    loop {
        say(&line);
    }
}

fn spin() {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

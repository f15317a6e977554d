//! A guest that misbehaves on request: the path says how. Each arm is one thing a host must survive,
//! bound or report; README.md one folder up lists them.

mod hunger;
mod outside;
mod reply;
mod request;

use reply::Reply;
use request::Request;
use std::sync::atomic::{AtomicU64, Ordering};
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

struct Hostile;

impl wasip2::exports::http::incoming_handler::Guest for Hostile {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let request = Request::new(request);
        match request.path() {
            "/" => Reply::text(out, 200, "hostile\n"),
            "/echo" => echo(request, out),
            "/headers" => headers(request, out),
            "/env" => environment(out),
            "/args" => arguments(out),
            "/ignore-body" => Reply::text(out, 200, "ignored\n"),
            "/counter" => counter(out),
            "/none" => drop(out),
            "/stream" => stream(request, out),
            "/print" => print(request, out),
            "/print-forever" => print_forever(),
            "/many-headers" => many_headers(request, out),
            "/endless-headers" => endless_headers(out),
            "/endless-body" => endless_body(out),

            "/spin" => hunger::spin(),
            "/spin-after" => {
                let _reply = Reply::with_first_bytes(out);
                hunger::spin()
            }
            "/trap" => hunger::trap(),
            "/trap-after" => {
                let _reply = Reply::with_first_bytes(out);
                hunger::trap()
            }
            "/busy" => {
                hunger::busy(request.number("ms", 100));
                Reply::text(out, 200, "ok\n")
            }
            "/linger" => {
                Reply::text(out, 200, "done\n");
                hunger::sleep(request.number("ms", 100));
            }
            "/sleep" => {
                hunger::sleep(request.number("ms", 100));
                Reply::text(out, 200, "ok\n")
            }
            "/grow" => hunger::grow(request, out),
            "/hold" => hunger::hold(request, out),
            "/recurse" => Reply::text(out, 200, &hunger::recurse(1).to_string()),
            "/many-resources" => hunger::many_resources(out),

            "/get" => outside::get(request, out),
            "/dir" => outside::directory(request, out),
            "/read" => outside::read(request, out),
            "/write" => outside::write(request, out),
            "/open" => outside::open(request, out),
            "/connect" => outside::connect(request, out),
            "/random" => outside::random(request, out),
            _ => Reply::text(out, 404, "no such behaviour\n"),
        }
    }
}

fn echo(request: Request, out: ResponseOutparam) {
    let content_type = request.header("content-type");
    let content_type = content_type.as_deref().unwrap_or("application/octet-stream");
    let mut reply = Reply::start(out, 200, content_type);
    request.each_chunk(|chunk| reply.write(chunk));
    reply.finish();
}

fn headers(request: Request, out: ResponseOutparam) {
    let mut list = String::new();
    for (name, value) in request.headers() {
        list.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(&value)));
    }
    Reply::text(out, 200, &list);
}

fn environment(out: ResponseOutparam) {
    let list: String = std::env::vars().map(|(name, value)| format!("{name}={value}\n")).collect();
    Reply::text(out, 200, &list);
}

fn arguments(out: ResponseOutparam) {
    let list: String = std::env::args().map(|argument| argument + "\n").collect();
    Reply::text(out, 200, &list);
}

/// Counts beyond 1 only where the host lets one instance answer again.
fn counter(out: ResponseOutparam) {
    static REQUESTS: AtomicU64 = AtomicU64::new(0);
    let count = REQUESTS.fetch_add(1, Ordering::Relaxed) + 1;
    Reply::text(out, 200, &format!("{count}\n"));
}

fn stream(request: Request, out: ResponseOutparam) {
    let pause = request.number("ms", 100);
    let mut reply = Reply::start(out, 200, "text/event-stream");
    for line in 1..=request.number("n", 10) {
        if line > 1 {
            hunger::sleep(pause);
        }
        if !reply.write(format!("data: line {line}\n\n").as_bytes()) {
            break;
        }
    }
    reply.finish();
}

fn print(request: Request, out: ResponseOutparam) {
    for line in 1..=request.number("n", 10) {
        eprintln!("line {line}");
    }
    Reply::text(out, 200, "ok\n");
}

fn print_forever() {
    for line in 1_u64.. {
        eprintln!("line {line}");
    }
}

fn many_headers(request: Request, out: ResponseOutparam) {
    let more: Vec<_> = (1..=request.number("n", 100))
        .map(|number| (format!("x-many-{number}"), format!("value {number}")))
        .collect();
    let mut reply = Reply::start_with(out, 200, "text/plain", &more);
    reply.write(b"ok\n");
    reply.finish();
}

fn endless_headers(out: ResponseOutparam) {
    let fields = wasip2::http::types::Fields::new();
    let mut count = 0_u64;
    while fields.append(&format!("x-endless-{count}"), &[b'v'; 64]).is_ok() {
        count += 1;
    }
    drop(fields);
    Reply::text(out, 200, &format!("refused after {count}\n"));
}

/// Deliberately deaf to errors: a reader that went away must not be what stops it.
fn endless_body(out: ResponseOutparam) {
    let mut reply = Reply::start(out, 200, "application/octet-stream");
    let chunk = [b'.'; 64 * 1024];
    loop {
        reply.write(&chunk);
    }
}

wasip2::http::proxy::export!(Hostile);

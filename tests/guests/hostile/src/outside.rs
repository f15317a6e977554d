//! Reaching out of the sandbox: HTTP, sockets, files, randomness. Refusals are reported, not hidden.

use crate::reply::Reply;
use crate::request::Request;
use std::net::SocketAddr;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingResponse, Method, OutgoingRequest, ResponseOutparam, Scheme,
};
use wasip2::sockets::network::{
    self, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, Network,
};
use wasip2::sockets::{instance_network, ip_name_lookup, tcp_create_socket};

pub fn get(request: Request, out: ResponseOutparam) {
    let Some(url) = request.parameter("url") else {
        return Reply::text(out, 400, "say ?url=\n");
    };
    match fetch(&url) {
        Ok(response) => pass_on(response, out),
        Err(error) => Reply::text(out, 502, &name_of(&error)),
    }
}

fn fetch(url: &str) -> Result<IncomingResponse, ErrorCode> {
    let (scheme, rest) = match url.split_once("://") {
        Some(("http", rest)) => (Scheme::Http, rest),
        Some(("https", rest)) => (Scheme::Https, rest),
        Some((other, rest)) => (Scheme::Other(other.to_owned()), rest),
        None => return Err(ErrorCode::HttpRequestUriInvalid),
    };
    let split = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(split);
    let request = OutgoingRequest::new(Fields::new());
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    request.set_method(&Method::Get).map_err(invalid)?;
    request.set_scheme(Some(&scheme)).map_err(invalid)?;
    request.set_authority(Some(authority)).map_err(invalid)?;
    request.set_path_with_query(Some(path)).map_err(invalid)?;
    let promise = outgoing_handler::handle(request, None)?;
    promise.subscribe().block();
    match promise.get() {
        Some(Ok(response)) => response,
        _ => Err(ErrorCode::InternalError(None)),
    }
}

fn pass_on(response: IncomingResponse, out: ResponseOutparam) {
    let content_type = response.headers().get("content-type").into_iter().next();
    let content_type = content_type.and_then(|value| String::from_utf8(value).ok());
    let mut reply =
        Reply::start(out, response.status(), content_type.as_deref().unwrap_or("text/plain"));
    if let Ok(body) = response.consume() {
        if let Ok(stream) = body.stream() {
            while let Ok(chunk) = stream.blocking_read(64 * 1024) {
                if !reply.write(&chunk) {
                    break;
                }
            }
        }
    }
    reply.finish();
}

/// The bare name, without what the variant carries.
fn name_of(error: &ErrorCode) -> String {
    let text = format!("{error:?}");
    let name = text.strip_prefix("ErrorCode::").unwrap_or(&text);
    name.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or(name).to_owned() + "\n"
}

pub fn directory(request: Request, out: ResponseOutparam) {
    match std::fs::read_dir(path(&request)) {
        Ok(entries) => {
            let names: String = entries
                .flatten()
                .map(|entry| format!("{}\n", entry.file_name().to_string_lossy()))
                .collect();
            Reply::text(out, 200, &names);
        }
        Err(error) => Reply::text(out, 200, &format!("error: {error}\n")),
    }
}

/// The bytes of a file, or why there are none.
pub fn read(request: Request, out: ResponseOutparam) {
    match std::fs::read_to_string(path(&request)) {
        Ok(text) => Reply::text(out, 200, &text),
        Err(error) => Reply::text(out, 200, &format!("error: {error}\n")),
    }
}

/// Everything that changes a folder: each of them should fail.
pub fn write(request: Request, out: ResponseOutparam) {
    use std::fs;
    let path = path(&request);
    let new = format!("{path}.new");
    let tried = [
        ("create", fs::write(&new, "x")),
        ("overwrite", fs::write(&path, "x")),
        ("append", fs::OpenOptions::new().append(true).open(&path).map(drop)),
        ("remove", fs::remove_file(&path)),
        ("rename", fs::rename(&path, &new)),
        ("link", fs::hard_link(&path, &new)),
        ("folder", fs::create_dir(&new)),
    ];
    let done: Vec<_> = tried.iter().filter(|(_, result)| result.is_ok()).map(|(what, _)| *what).collect();
    Reply::text(out, 200, &format!("{done:?}\n"));
}

/// Opens a file again and again without closing it, until refused; how often it could.
pub fn open(request: Request, out: ResponseOutparam) {
    let path = path(&request);
    let files: Vec<_> = (0..request.number("n", 1000)).map_while(|_| std::fs::File::open(&path).ok()).collect();
    Reply::text(out, 200, &format!("{}\n", files.len()));
}

fn path(request: &Request) -> String {
    request.parameter("path").unwrap_or_else(|| "/".to_owned())
}

pub fn connect(request: Request, out: ResponseOutparam) {
    let address = request.parameter("addr").unwrap_or_else(|| "127.0.0.1:80".to_owned());
    let answer = match address.parse() {
        Ok(address) => match connect_socket(address) {
            Ok(()) => "connected\n".to_owned(),
            Err(error) => format!("error: {}\n", error.name()),
        },
        // Not numbers, so a name: looking it up is an escape as well.
        Err(_) => match look_up(address.split(':').next().unwrap_or_default()) {
            Ok(()) => "resolved\n".to_owned(),
            Err(error) => format!("error: {}\n", error.name()),
        },
    };
    Reply::text(out, 200, &answer);
}

fn connect_socket(address: SocketAddr) -> Result<(), network::ErrorCode> {
    let (family, address) = match address {
        SocketAddr::V4(address) => {
            let [a, b, c, d] = address.ip().octets();
            let target = Ipv4SocketAddress { port: address.port(), address: (a, b, c, d) };
            (IpAddressFamily::Ipv4, IpSocketAddress::Ipv4(target))
        }
        SocketAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h] = address.ip().segments();
            let target = Ipv6SocketAddress {
                port: address.port(),
                flow_info: address.flowinfo(),
                address: (a, b, c, d, e, f, g, h),
                scope_id: address.scope_id(),
            };
            (IpAddressFamily::Ipv6, IpSocketAddress::Ipv6(target))
        }
    };
    let socket = tcp_create_socket::create_tcp_socket(family)?;
    socket.start_connect(&whole_network(), address)?;
    socket.subscribe().block();
    socket.finish_connect().map(drop)
}

fn look_up(name: &str) -> Result<(), network::ErrorCode> {
    let answers = ip_name_lookup::resolve_addresses(&whole_network(), name)?;
    answers.subscribe().block();
    answers.resolve_next_address().map(drop)
}

fn whole_network() -> Network {
    instance_network::instance_network()
}

pub fn random(request: Request, out: ResponseOutparam) {
    let bytes = wasip2::random::random::get_random_bytes(request.number("n", 16));
    Reply::text(out, 200, &format!("{} bytes\n", bytes.len()));
}

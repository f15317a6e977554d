//! Proxies between a client and the server, on a bad line.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Passes everything on, but cuts the first response that goes past a number of bytes.
pub struct CuttingProxy {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<u8>>>,
}

impl CuttingProxy {
    pub fn start(server: SocketAddr, cut_after: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
        };
        let requests = Arc::clone(&proxy.requests);
        let cut = Arc::new(AtomicBool::new(false));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(server).unwrap();
                let (requests, cut) = (Arc::clone(&requests), Arc::clone(&cut));
                let (mut from_client, mut to_server) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || {
                    let mut buffer = [0; 16 * 1024];
                    while let Ok(length @ 1..) = from_client.read(&mut buffer) {
                        requests.lock().unwrap().extend(&buffer[..length]);
                        if to_server.write_all(&buffer[..length]).is_err() {
                            break;
                        }
                    }
                    let _ = to_server.shutdown(Shutdown::Write);
                });
                std::thread::spawn(move || answer(server, client, cut_after, &cut));
            }
        });
        proxy
    }

    /// How many times that text was in what clients sent, without regard to case.
    pub fn requests_with(&self, text: &str) -> usize {
        let sent = String::from_utf8_lossy(&self.requests.lock().unwrap()).to_ascii_lowercase();
        sent.matches(text).count()
    }
}

fn answer(mut server: TcpStream, mut client: TcpStream, cut_after: usize, cut: &AtomicBool) {
    let (mut buffer, mut passed) = ([0; 16 * 1024], 0);
    while let Ok(length @ 1..) = server.read(&mut buffer) {
        passed += length;
        if passed > cut_after && !cut.swap(true, Ordering::SeqCst) {
            let _ = server.shutdown(Shutdown::Both);
            break;
        }
        if client.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}

/// Passes everything on, but of what each connection sends only that many bytes: the rest never arrives, and the server
/// waits for it until the client hangs up.
pub fn swallowing(server: SocketAddr, most: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let server = TcpStream::connect(server).unwrap();
            let (mut from_client, mut to_server) =
                (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || {
                let (mut buffer, mut passed) = ([0; 16 * 1024], 0);
                while let Ok(length @ 1..) = from_client.read(&mut buffer) {
                    passed += length;
                    if passed <= most && to_server.write_all(&buffer[..length]).is_err() {
                        break;
                    }
                }
                let _ = to_server.shutdown(Shutdown::Both);
            });
            let never = AtomicBool::new(true);
            std::thread::spawn(move || answer(server, client, usize::MAX, &never));
        }
    });
    address
}

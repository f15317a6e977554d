//! Where the processes of a container listen, as the kernel says: for the advice to an author whose app does not answer.

use std::net::Ipv4Addr;

/// A listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listener {
    pub(super) address: Ipv4Addr,
    pub(super) port: u16,
}

/// The state of a listening socket in `/proc/net/tcp` (Linux, `include/net/tcp_states.h`).
const LISTEN: &str = "0A";

/// Listening sockets of the network that process `id` of the host lives in; nothing where the kernel does not tell.
pub(super) async fn of(id: i64) -> Vec<Listener> {
    let path = format!("/proc/{id}/net/tcp");
    let table = tokio::fs::read_to_string(path).await.unwrap_or_default();
    parse(&table)
}

fn parse(table: &str) -> Vec<Listener> {
    let sockets = table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next()?;
        let state = fields.nth(1)?;
        let (address, port) = local.split_once(':')?;
        let listener = Listener {
            // In the host's byte order.
            address: u32::from_str_radix(address, 16).ok()?.to_ne_bytes().into(),
            port: u16::from_str_radix(port, 16).ok()?,
        };
        // The engine's resolver of names has sockets there too.
        let resolver = listener.address == Ipv4Addr::new(127, 0, 0, 11);
        (state == LISTEN && !resolver).then_some(listener)
    });
    sockets.collect()
}

/// One sentence for the author of an app that is to listen on `port`.
pub(super) fn advice(found: &[Listener], port: u16) -> String {
    if let Some(listener) = found.iter().find(|listener| listener.port == port) {
        return format!(
            "It listens on {}:{port}, which cannot be reached from outside its container; it must listen on \
             0.0.0.0:{port}.",
            listener.address
        );
    }
    match found {
        [] => format!("It does not listen on any port; it must listen on 0.0.0.0:{port}."),
        [Listener { port: other, .. }, ..] => format!(
            "It listens on port {other}; it must listen on port {port}, or its card must say `app_port: {other}`."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue\n   \
        0: 0100007F:1EB4 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000\n   \
        1: 0B00007F:8A3D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n   \
        2: 00000000:1F90 00000000:0000 01 00000000:00000000 00:00000000 00000000  1000\n";

    #[test]
    #[cfg(target_endian = "little")]
    fn only_listening_sockets_of_the_app_count() {
        let expected = Listener {
            address: Ipv4Addr::LOCALHOST,
            port: 7860,
        };
        assert_eq!(parse(TABLE), [expected]);
        assert!(parse("garbage\n\n : \n0: zz:zz").is_empty());
    }

    #[test]
    fn the_advice_names_the_port() {
        let at = |address: [u8; 4], port| Listener {
            address: address.into(),
            port,
        };
        assert!(advice(&[at([127, 0, 0, 1], 7860)], 7860).contains("0.0.0.0:7860"));
        assert!(advice(&[at([0, 0, 0, 0], 8000)], 7860).contains("app_port: 8000"));
        assert!(advice(&[], 7860).contains("does not listen on any port"));
    }
}

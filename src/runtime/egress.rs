//! Where what a Space runs may connect to: nowhere, to hosts that its card lists, or to the internet.
//!
//! A host is what a request or a tunnel names, never a `Host` header. The name is resolved here, every address it gives is
//! checked, and the connection goes to a checked address: a name that resolves differently the second time gains nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::domain::{EgressOffer, RunSettings, may_reach};
use crate::journal::Log;

/// Longest time for looking up a name, and for connecting.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What a Space may reach.
#[derive(Debug)]
pub(super) struct EgressPolicy {
    /// `name` or `name:port`, in lower case.
    hosts: Vec<String>,
    /// Whether any host may be reached.
    internet: bool,
    /// Whether addresses of private networks may be reached too; those of this machine and the metadata service never.
    private: bool,
    log: Log,
    connections: Arc<Semaphore>,
}

/// What may be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) host: String,
    pub(super) port: u16,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Denied {
    /// The card does not allow it.
    #[error("the card's `egress` does not name {0}")]
    NotListed(String),
    /// The name leads to where nobody may go.
    #[error("{0} leads to an address of this machine or of a private network")]
    Prohibited(String),
    /// The Space has as many connections as it may.
    #[error("there are too many connections to other hosts")]
    Busy,
    /// The name cannot be resolved.
    #[error("{0} cannot be resolved")]
    Unknown(String),
    /// It took too long.
    #[error("{0} does not answer")]
    Timeout(String),
    /// It cannot be connected to.
    #[error("{0} cannot be connected to: {1}")]
    Connect(String, io::Error),
}

// === impl EgressPolicy ===

impl EgressPolicy {
    /// What the card of an artifact allows, as far as the operator does, who also says whether private networks may be
    /// reached. Denied attempts go to `log`, and so many connections may be open at once.
    pub(super) fn new(
        card: &RunSettings,
        (offer, private): (EgressOffer, bool),
        log: Log,
        connections: usize,
    ) -> Self {
        Self {
            hosts: offer.hosts(card).to_vec(),
            internet: offer.internet(card),
            private,
            log,
            connections: Arc::new(Semaphore::new(connections)),
        }
    }

    /// Whether a connection to that port of a host, by its name or address, is allowed. `usual` is whether an entry of the
    /// card without a port means this one.
    pub(super) fn admit(&self, host: &str, port: u16, usual: bool) -> Result<Destination, Denied> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let listed = self.internet
            || self.hosts.iter().any(|entry| match entry.split_once(':') {
                Some((name, wanted)) => name == host && wanted.parse() == Ok(port),
                None => *entry == host && usual,
            });
        match listed {
            true => Ok(Destination { host, port }),
            false => Err(self.deny(Denied::NotListed(format!("{host}:{port}")))),
        }
    }

    /// The right to one more connection.
    pub(super) fn slot(&self) -> Result<OwnedSemaphorePermit, Denied> {
        let connections = Arc::clone(&self.connections);
        connections.try_acquire_owned().map_err(|_| Denied::Busy)
    }

    /// A connection to what was admitted.
    pub(super) async fn connect(&self, to: &Destination) -> Result<TcpStream, Denied> {
        let late = |_| Denied::Timeout(to.host.clone());
        let lookup = tokio::net::lookup_host((to.host.as_str(), to.port));
        let found = timeout(PATIENCE, lookup).await.map_err(late)?;
        let mut found = found.map_err(|_| Denied::Unknown(to.host.clone()))?;
        let address = found.find(|address| may_reach(address.ip(), self.private));
        let prohibited = || self.deny(Denied::Prohibited(to.host.clone()));
        let address: SocketAddr = address.ok_or_else(prohibited)?;
        let failed = |error| Denied::Connect(to.host.clone(), error);
        let connecting = timeout(PATIENCE, TcpStream::connect(address));
        let stream = connecting.await.map_err(late)?.map_err(failed)?;
        // An address of this machine, whatever range it is from: what is sent there comes from there too.
        let own = stream.local_addr().map_err(failed)?.ip();
        if own.to_canonical() == address.ip().to_canonical() {
            return Err(prohibited());
        }
        Ok(stream)
    }

    fn deny(&self, denied: Denied) -> Denied {
        self.log
            .line(&format!("A connection was denied: {denied}."));
        denied
    }
}

//! Keeps containers off the host and off private networks.
//!
//! The engine keeps bridges apart from each other; it does not keep a container from this host's own listeners, from
//! the network the host stands in, or from the metadata address of a cloud. Two chains of the kernel's packet filter
//! do, for every bridge named as in [`Reach`]. Their text is the same for all servers on a host, so that several may
//! write them and none needs to take them away. Whatever else is done to the packet filter meanwhile, they are looked
//! at again while containers run ([`Firewall::look`]), and put back.

mod rules;
mod six;
mod table;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::sync::Mutex;

use rules::{nameservers, rules};
use table::Table;

/// How far connections from inside a network lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Nowhere.
    Nothing,
    /// To the internet, never to private networks.
    Internet,
    /// To the internet and to private networks, never to this host.
    Private,
}

/// The rules, written when they are first needed, and again whenever they are found changed.
#[derive(Debug, Clone, Default)]
pub struct Firewall(Arc<Mutex<Option<Standing>>>);

/// Rules that stood when they were last looked at.
#[derive(Debug)]
struct Standing {
    /// As they were written.
    written: String,
    /// As the kernel showed them then.
    shown: Vec<String>,
    at: Instant,
}

/// What stood that long ago is taken to stand by whoever is about to start something: it will be looked at again.
const FRESH: Duration = Duration::from_secs(10);

// === impl Reach ===

impl Reach {
    const ALL: [Self; 3] = [Self::Nothing, Self::Internet, Self::Private];

    /// The first letters of the names of its bridges.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Nothing => "ghn",
            Self::Internet => "ghi",
            Self::Private => "ghp",
        }
    }

    /// A word for names of networks.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Internet => "internet",
            Self::Private => "private",
        }
    }
}

// === impl Firewall ===

impl Firewall {
    /// Sees to it that the rules stand.
    ///
    /// # Errors
    /// When they cannot be written, with the reason as the operator should read it.
    pub async fn ensure(&self) -> anyhow::Result<()> {
        let fresh = |standing: &Standing| standing.at.elapsed() < FRESH;
        if self.0.lock().await.as_ref().is_some_and(fresh) {
            return Ok(());
        }
        self.look().await
    }

    /// Looks at the rules, and puts back what is gone.
    ///
    /// # Errors
    /// As [`Self::ensure`]; then nothing is known to keep containers in.
    pub async fn look(&self) -> anyhow::Result<()> {
        let mut standing = self.0.lock().await;
        // What is not known to be shut is not known to stand.
        if let Err(error) = six::ensure().await {
            *standing = None;
            return Err(error);
        }
        let wanted = rules(&nameservers().await);
        let table = Table::read().await;
        if let (Some(known), Ok(table)) = (&mut *standing, &table)
            && known.written == wanted
            && table.is_led()
            && table.chains() == known.shown
        {
            known.at = Instant::now();
            return Ok(());
        }
        let stood = standing.take().is_some_and(|known| known.written == wanted);
        table?.write(&wanted).await?;
        let table = Table::read().await?;
        if !table.is_led() {
            bail!("the packet filter's rules were written but are not in effect");
        }
        if stood {
            tracing::warn!(
                "something else on this host changed the packet filter's rules for containers; they have been restored"
            );
        }
        *standing = Some(Standing {
            written: wanted,
            shown: table.chains(),
            at: Instant::now(),
        });
        Ok(())
    }
}

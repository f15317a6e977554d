//! How far what runs in a Space may reach at most.

use serde::{Deserialize, Serialize};

use super::RunSettings;

/// The operator's word, beyond which no card goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EgressOffer {
    /// Nowhere, whatever a card asks for.
    None,
    /// To the hosts that the card lists.
    Listed,
    /// To the internet too, where the card asks for it; never to private networks.
    Internet,
}

// === impl EgressOffer ===

impl EgressOffer {
    /// Whether what a card asked for lets it reach all of the internet.
    pub fn internet(self, card: &RunSettings) -> bool {
        card.internet && self == Self::Internet
    }

    /// The hosts of those that a card lists which may be reached.
    pub fn hosts(self, card: &RunSettings) -> &[String] {
        match self {
            Self::None => &[],
            Self::Listed | Self::Internet => &card.egress,
        }
    }

    /// Why a card may not ask for those hosts, or for the internet.
    pub fn refusal(self, hosts: &[String], internet: bool) -> Option<&'static str> {
        match self {
            Self::None if internet || !hosts.is_empty() => Some(
                "this server's operator does not let Spaces of this kind reach other hosts; set `egress: none`",
            ),
            Self::Listed if internet => Some(
                "this server's operator does not let Spaces of this kind reach all of the internet; set `egress` to a \
                 list of hosts",
            ),
            _ => None,
        }
    }
}

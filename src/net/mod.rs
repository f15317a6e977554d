//! What servers and clients of HTTP share here: how long something is waited for, which headers belong to one connection
//! alone, and what came and went.

mod deadline;
mod hop_by_hop;
mod traffic;

pub use deadline::Deadline;
pub use hop_by_hop::{is_hop_by_hop, strip_hop_by_hop, tokens};
pub use traffic::{Traffic, TrafficTotals};

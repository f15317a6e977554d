//! What the builder is told by the operator.

use std::path::PathBuf;
use std::time::Duration;

use super::{ContainerOffer, ImageConfig, Offer};
use crate::domain::EgressOffer;
use crate::keys::SealKey;
use crate::repo::CheckoutLimits;

/// What one compilation may take, and what may come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// CPU time in seconds.
    pub cpu_seconds: u64,
    /// Address space of the compiler's process in bytes.
    pub memory_bytes: u64,
    /// Wall-clock time, after which the server was too busy. Not less than the CPU time.
    pub wall: Duration,
    /// Native code in bytes.
    pub output_bytes: u64,
    /// WebAssembly in bytes.
    pub module_bytes: u64,
    /// Largest size in bytes of one memory of the guest: what its instances can be given later.
    pub guest_memory_bytes: u64,
}

/// What a builder needs to know.
#[derive(Debug)]
pub struct BuilderConfig {
    /// The folder of all artifacts; nobody else's, and on one file system.
    pub artifacts: PathBuf,
    /// Seals compiled code.
    pub seal: SealKey,
    /// The engine's [profile](crate::wasm_engine::profile), under which code must be compiled to run here.
    pub profile: String,
    /// The binary whose command `compile-worker` is [`worker::main`](super::worker::main).
    pub worker: PathBuf,
    /// For one compilation.
    pub compile: CompileLimits,
    /// For one static Space.
    pub site: CheckoutLimits,
    /// The names of the hardware offered, for what is said to authors.
    pub hardware: Vec<String>,
    /// The longest time a card may give its requests.
    pub max_request_timeout: Duration,
    /// Where guests may connect to at most.
    pub egress: EgressOffer,
    /// What the cards of containers may ask for; `None` where there are none.
    pub containers: Option<ContainerOffer>,
    /// For container images.
    pub images: ImageConfig,
}

// === impl BuilderConfig ===

impl BuilderConfig {
    /// What cards may ask for.
    pub(super) fn offer(&self) -> Offer {
        Offer {
            hardware: self.hardware.clone(),
            max_request_timeout: self.max_request_timeout,
            egress: self.egress,
            containers: self.containers,
        }
    }
}

//! What is measured when somebody asks.

/// What is measured at the moment of asking rather than counted along the way.
#[derive(Debug, Clone, Copy)]
pub struct Gauges {
    /// Spaces that have an address.
    pub spaces: usize,
    /// WebAssembly programs in memory.
    pub programs_loaded: usize,
    /// Bytes that all Spaces hold together.
    pub memory_held: u64,
    /// Bytes that they may hold.
    pub memory_limit: u64,
    /// Millicores that all containers hold together.
    pub cpu_held: u64,
    /// Millicores that they may hold.
    pub cpu_limit: u64,
    /// Builds under way.
    pub builds_running: u64,
    /// Builds that wait.
    pub builds_waiting: usize,
    /// Containers that wait for room.
    pub starts_waiting: usize,
}

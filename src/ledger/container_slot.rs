//! The right to run one container.

use std::sync::Arc;

use super::{Refused, Reservation, WorkloadAccount};
use crate::domain::Limits;

/// The right to run one container: an instance, its millicores and its memory, of its owner and of the host. It travels
/// with what is to be started, and its drop gives all of it back.
#[derive(Debug)]
pub struct ContainerSlot {
    _instance: Reservation,
    _cpu: Reservation,
    _memory: Reservation,
}

// === impl ContainerSlot ===

impl ContainerSlot {
    /// Room for one container of that size.
    ///
    /// # Errors
    /// Which quota of its owner, or what of the host, is used up; then nothing is held.
    pub fn take(account: &WorkloadAccount, limits: Limits) -> Result<Arc<Self>, Refused> {
        let owner = &account.owner;
        let mut instance = owner.instances.hold();
        instance.grow(1)?;
        let mut cpu = owner.cpu.hold();
        cpu.grow(u64::from(limits.cpu_millis))?;
        let mut memory = account.memory.hold();
        memory.reserve(limits.memory_bytes)?;
        Ok(Arc::new(Self {
            _instance: instance,
            _cpu: cpu,
            _memory: memory,
        }))
    }

    /// That of a container which runs already, whatever the quotas say by now: one that has shrunk refuses others.
    pub fn of_running(account: &WorkloadAccount, limits: Limits) -> Arc<Self> {
        let owner = &account.owner;
        let (mut instance, mut cpu) = (owner.instances.hold(), owner.cpu.hold());
        let mut memory = account.memory.hold();
        instance.set(1);
        cpu.set(u64::from(limits.cpu_millis));
        memory.set(limits.memory_bytes);
        Arc::new(Self {
            _instance: instance,
            _cpu: cpu,
            _memory: memory,
        })
    }
}

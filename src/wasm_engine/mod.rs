//! The settings of the WebAssembly engine, in one place.
//!
//! Code is compiled in one process and run in another, so both must build their engine from the same [`config`]. What
//! the two engines may differ in is only where instances are put: [`for_compile`] takes memory as it goes, because a
//! pool does not fit under the compiler's memory limit; [`pooled`] reserves a slot for every instance it will ever run.
//! [`profile`] names the settings, and compiled code is found and [sealed](seal) under that name.

pub mod seal;

use std::hash::{Hash, Hasher};

use rustix::process::{Resource, getrlimit};
use wasmtime::{
    Config, Enabled, Engine, Inlining, InstanceAllocationStrategy, OptLevel,
    PoolingAllocationConfig, Result,
};

/// Linear memories that one instance may have. Real toolchains need up to 8 (CPython, with its shared libraries).
pub const MEMORIES_PER_INSTANCE: u32 = 8;
/// Tables that one instance may have.
pub const TABLES_PER_INSTANCE: u32 = 32;
/// Core modules that one component may instantiate.
pub const CORE_INSTANCES_PER_INSTANCE: u32 = 200;
/// Elements (functions and other references) that one table may hold.
pub const TABLE_ELEMENTS: u32 = 100_000;
/// Memory in bytes that WebAssembly without 64-bit addresses can name, and so the most that is reserved per memory.
pub const LARGEST_MEMORY: u64 = 1 << 32;

/// Pieces of memory that the pool gathers, on each thread, before it gives them back to the kernel.
pub const DECOMMIT_BATCH: usize = 16;

/// Raised by hand when artifacts made so far must not be used any more although the engine would still accept them.
const SCHEMA: u32 = 1;
/// A slot reserves all that 32 bits can name, and a guard: then the compiled code needs no bounds checks.
const GUARD: u64 = 32 << 20;
/// What a freed slot keeps, zeroed, instead of giving it back to the kernel to be faulted in again at the next request.
const KEEP_RESIDENT: usize = 64 << 10;
/// The same for a stack, of which small guests and the host's calls for them use no more. All of it is zeroed each time.
const STACK_KEEP_RESIDENT: usize = 16 << 10;
/// Fewer than these and the server is of no use.
const LEAST_INSTANCES: u32 = 4;

/// How many instances a pool has room for, and how large they may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSettings {
    /// Instances at once. Each may have all of its memories, tables and core instances, so a permit per instance is all
    /// that must be asked for: none can take another's slots.
    pub instances: u32,
    /// Largest size of one memory in bytes; rounded down to what can be addressed.
    pub memory_bytes: u64,
}

/// The settings for code of strangers, without a choice of where instances are put.
///
/// Every line but the last two changes either what guests may do or the compiled code itself.
pub fn config() -> Config {
    let mut config = Config::new();
    config
        // A guest that does not come back must be interruptible; fuel would cost more and measure no time.
        .epoch_interruption(true)
        // The engine's maintainers patch proposals of their first tier only, and 64-bit memories need bounds checks.
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        // WASI 0.3's futures and streams are experimental in this engine, and get no security patches.
        .concurrency_support(false)
        .cranelift_opt_level(OptLevel::Speed)
        .compiler_inlining(Inlining::No)
        // Nobody reads backtraces of strangers' code, and collecting them costs the host time on every trap.
        .generate_address_map(false)
        .native_unwind_info(false)
        .wasm_backtrace_max_frames(None)
        // A second wall behind the pool's own cleaning: what one guest leaves on a stack, no other finds.
        .async_stack_zeroing(true)
        .max_wasm_stack(512 << 10)
        .async_stack_size(2 << 20)
        .memory_init_cow(true);
    config
}

/// An engine that compiles, and takes memory only as it goes.
///
/// # Errors
/// When this CPU is not one the engine knows.
pub fn for_compile() -> Result<Engine> {
    Engine::new(&config())
}

/// An engine that runs instances in slots reserved beforehand.
///
/// When the address space does not hold as many slots as asked for, it has fewer: ask [`slots`].
///
/// # Errors
/// When not even a handful of slots fit.
pub fn pooled(settings: PoolSettings) -> Result<Engine> {
    let mut instances = settings
        .instances
        .min(instances_that_fit())
        .max(LEAST_INSTANCES);
    loop {
        let strategy = InstanceAllocationStrategy::Pooling(pool(instances, settings.memory_bytes));
        match Engine::new(config().allocation_strategy(strategy)) {
            Ok(engine) => return Ok(engine),
            Err(error) if instances <= LEAST_INSTANCES => return Err(error),
            Err(_) => instances = (instances / 2).max(LEAST_INSTANCES),
        }
    }
}

/// How many instances a pooled engine has room for at once; 0 for one without a pool.
pub fn slots(engine: &Engine) -> u32 {
    let pool = engine.get_pooling_config();
    pool.map_or(0, PoolingAllocationConfig::get_total_component_instances)
}

/// A name for the engine's settings: code compiled under one profile runs under the same profile, and no other.
///
/// 64 hexadecimal digits. It covers the engine's version, the CPU's features and the settings that shape the code, and
/// is the same whether or not the engine has a pool.
pub fn profile(engine: &Engine) -> String {
    let mut hasher = Digest(blake3::Hasher::new());
    SCHEMA.hash(&mut hasher);
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().to_hex().to_string()
}

/// A hasher whose result is the same in every process, unlike the standard library's.
struct Digest(blake3::Hasher);

// === impl Digest ===

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let bytes = self.0.finalize();
        u64::from_le_bytes(std::array::from_fn(|index| bytes.as_bytes()[index]))
    }
}

fn pool(instances: u32, memory_bytes: u64) -> PoolingAllocationConfig {
    let memory_bytes = memory_bytes.min(LARGEST_MEMORY);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_stacks(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_PER_INSTANCE))
        .total_memories(instances.saturating_mul(MEMORIES_PER_INSTANCE))
        .total_tables(instances.saturating_mul(TABLES_PER_INSTANCE))
        .max_core_instances_per_component(CORE_INSTANCES_PER_INSTANCE)
        .max_memories_per_component(MEMORIES_PER_INSTANCE)
        .max_memories_per_module(MEMORIES_PER_INSTANCE)
        .max_tables_per_component(TABLES_PER_INSTANCE)
        .max_tables_per_module(TABLES_PER_INSTANCE)
        .max_memory_size(usize::try_from(memory_bytes).unwrap_or(usize::MAX))
        .table_elements(TABLE_ELEMENTS as usize)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT)
        .async_stack_keep_resident(STACK_KEEP_RESIDENT)
        // Freeing many slots in one system call, and asking the kernel which pages were touched at all, is what makes
        // a fresh instance per request affordable. `Auto`: kernels before 6.7 cannot be asked.
        .decommit_batch_size(DECOMMIT_BATCH)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// Instances whose slots take at most half of the address space this process may use; the rest is everything else's.
fn instances_that_fit() -> u32 {
    let limit = getrlimit(Resource::As).current.unwrap_or(u64::MAX);
    let space = limit.min(1 << 47) / 2;
    let slot = u64::from(MEMORIES_PER_INSTANCE) * (LARGEST_MEMORY + GUARD);
    u32::try_from(space / slot).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pooled_engine_takes_what_the_compiling_engine_makes() {
        let compiling = for_compile().expect("this CPU is known");
        let serving = pooled(PoolSettings {
            instances: 16,
            memory_bytes: 256 << 20,
        })
        .expect("16 slots fit");
        assert_eq!(profile(&compiling), profile(&serving));
        assert_eq!(slots(&serving), 16);
        assert_eq!(slots(&compiling), 0);
    }

    #[test]
    fn the_profile_tells_settings_apart() {
        let ours = for_compile().expect("this CPU is known");
        let other = Engine::new(config().epoch_interruption(false)).expect("valid settings");
        assert_eq!(profile(&ours), profile(&for_compile().expect("known")));
        assert_ne!(profile(&ours), profile(&other));
    }

    #[test]
    fn too_many_slots_become_fewer() {
        let engine = pooled(PoolSettings {
            instances: u32::MAX,
            memory_bytes: u64::MAX,
        })
        .expect("scaled down");
        assert!((LEAST_INSTANCES..u32::MAX).contains(&slots(&engine)));
    }
}

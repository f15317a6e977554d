//! Publish, sleep, wake, crash, restart: one loop, and nothing acknowledged is ever lost.

mod damaged;
mod deleted;
mod full_disk;
mod graceful;
mod handover;
mod killed;
mod locked;
mod restarts;
mod sleep;
mod upgrade;

//! Guests that misbehave: each is bounded, reported in words, and leaves its neighbours and the server as they were.

mod alone;
mod command;
mod deadline;
mod denied_files;
mod egress;
mod enforced;
mod files;
mod leaving;
mod logs;
mod memory;
mod output;
mod reuse;
mod sandbox;
mod shared;
mod traps;

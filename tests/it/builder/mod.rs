//! What cannot be built says so: the stage, and a message that names file and line.

mod artifacts;
mod cards;
mod hostile_wasm;
mod superseding;

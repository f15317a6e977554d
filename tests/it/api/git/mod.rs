//! Through `git`, unmodified.

mod agreement;
mod clone;
mod cut_off;
mod push;
mod refused;

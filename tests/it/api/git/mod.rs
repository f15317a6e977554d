//! Through `git`, unmodified.

mod agreement;
mod clone;
mod cut_off;
mod lfs;
mod push;
mod refused;
mod slow;

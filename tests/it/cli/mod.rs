//! The product's own command line.

mod accounts;
mod configuration;
mod doctor;
mod push;
mod spaces;

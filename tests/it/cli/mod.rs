//! The product's own command line.

mod accounts;
mod backup;
mod configuration;
mod doctor;
mod push;
mod spaces;

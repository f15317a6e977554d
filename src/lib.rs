//! Glasshouse: a self-hosted home for interactive ML demos.
pub mod domain;
pub mod routes;
pub mod upstream;

//! Glasshouse: a self-hosted home for interactive ML demos.
pub mod auth;
pub mod builder;
pub mod config;
pub mod domain;
pub mod engine;
pub mod journal;
pub mod repo;
pub mod routes;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod upstream;

//! Through `huggingface_hub`, unmodified.

mod branches_and_tags;
mod commits;
mod create;
mod datasets;
mod delete;
mod downloads;
mod duplicate;
mod exceptions;
mod fuzz;
mod gradio_client;
mod hardware;
mod large;
mod likes;
mod listing;
mod logs;
mod models;
mod moves;
mod old_clients;
mod organizations;
mod pause_and_restart;
mod secrets;
mod sleep_time;
mod space_info;
mod uploads;
mod variables;

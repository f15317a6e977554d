//! Through `huggingface_hub`, unmodified.

mod branches_and_tags;
mod commits;
mod create;
mod datasets;
mod delete;
mod downloads;
mod duplicate;
mod exceptions;
mod gradio_client;
mod hardware;
mod likes;
mod listing;
mod logs;
mod models;
mod moves;
mod pause_and_restart;
mod secrets;
mod sleep_time;
mod space_info;
mod uploads;
mod variables;

//! Through `huggingface_hub`, unmodified.

mod commits;
mod create;
mod delete;
mod downloads;
mod exceptions;
mod gradio_client;
mod hardware;
mod listing;
mod logs;
mod pause_and_restart;
mod secrets;
mod sleep_time;
mod space_info;
mod uploads;
mod variables;

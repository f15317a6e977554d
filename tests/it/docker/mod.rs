//! Spaces in containers, on the real Docker engine.
//!
//! Most are tiny apps on Python's own `http.server`; a few are real Gradio and Streamlit. Where the engine itself
//! misbehaves, a scripted one stands in its place.

mod accounts;
mod adopted;
mod bad_apps;
mod bad_builds;
mod blocked;
mod broken_engine;
mod browser;
mod cached_layers;
mod cards;
mod composed;
mod copied_folder;
mod dockerfiles;
mod egress;
mod examples;
mod fake_engine;
mod freezing;
mod gradio;
mod gradio_js;
mod guarded;
mod hidden_files;
mod inside;
mod isolation;
mod lanes;
mod limits;
mod made_again;
mod old_images;
mod opened;
mod sign_in;
mod sleeping;
mod steps;
mod storage;
mod streamlit;
mod system_calls;
mod tabs;
mod takeover;
mod threads;
mod volumes;
mod wake_page;
mod wire;
mod working;

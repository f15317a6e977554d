//! The Hub's protocol: `hub` through `huggingface_hub`, `hf` through its command line, `raw` by hand for what no honest
//! client sends.

mod hf;
mod hub;
mod raw;

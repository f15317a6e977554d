//! The Hub's protocol: `hub` through `huggingface_hub`, `hf` through its command line, `raw` by hand for what no honest
//! client sends, `git` through git.

mod git;
mod hf;
mod hub;
mod raw;

//! By hand: headers as the clients read them, and what no honest client sends.

mod access;
mod bad_bodies;
mod bad_paths;
mod cut_off;
mod envelope;
mod floods;
mod large;
mod late;
mod names;
mod parts;
mod resolve;
mod tokens;
mod unread;
mod xet;

//! A disk that is full: refused in words, nothing acknowledged that was not kept, and all well once there is room.

mod root;

//! Strangers' files that a browser may be shown as they are.

/// Pictures that cannot carry scripts. SVG can.
const HARMLESS: [&str; 8] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/bmp",
    "image/x-icon",
    "image/vnd.microsoft.icon",
];

/// Whether what has this media type is a picture that cannot act, and so may be sent as itself from the hub's own origin.
pub fn is_safe_image(media_type: &str) -> bool {
    HARMLESS.contains(&media_type)
}

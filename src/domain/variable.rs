//! What an environment can hold.

/// Bytes of a name and of a value.
const MAX_NAME_BYTES: usize = 128;
const MAX_VALUE_BYTES: usize = 64 << 10;

/// Refuses a variable or secret that no environment can hold.
///
/// # Errors
/// In words for whoever sets it; they never repeat the value.
pub fn check_variable(name: &str, value: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let named = !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name.bytes().all(plain)
        && !name.starts_with(|first: char| first.is_ascii_digit());
    if !named {
        return Err(format!(
            "`{}` is not a valid name for a variable: use up to {MAX_NAME_BYTES} letters, digits and _, and do not \
             start with a digit",
            name.chars().take(60).collect::<String>()
        ));
    }
    if value.len() > MAX_VALUE_BYTES {
        return Err(format!("The value of {name} is longer than 64 KiB"));
    }
    if value.contains('\0') {
        return Err(format!("The value of {name} contains a NUL character"));
    }
    Ok(())
}

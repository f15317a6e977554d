//! What passes through a tunnel, as far as it tells use from a sign of life. Nothing is altered.

/// Reads the headers of WebSocket frames (RFC 6455 §5.2) as they pass, in one direction.
#[derive(Debug, Default)]
pub(super) struct Frames {
    header: [u8; 14],
    have: usize,
    /// Of the frame's content, still to come.
    left: u64,
    carries: bool,
}

/// Continuation, text and binary; what is above is about the connection: close, ping, pong.
const LAST_DATA_OPCODE: u8 = 2;

// === impl Frames ===

impl Frames {
    /// Whether there was something of use among these bytes. Pings and pongs are none, nor are messages of one byte,
    /// with which Engine.IO does the same.
    pub(super) fn carry(&mut self, mut bytes: &[u8]) -> bool {
        let mut carried = false;
        while !bytes.is_empty() {
            if self.left > 0 {
                let passing = self.left.min(bytes.len() as u64);
                self.left -= passing;
                carried |= self.carries;
                bytes = &bytes[usize::try_from(passing).unwrap_or(bytes.len())..];
                continue;
            }
            self.header[self.have] = bytes[0];
            self.have += 1;
            bytes = &bytes[1..];
            if let Some(length) = self.length() {
                self.carries = self.header[0] & 0x0f <= LAST_DATA_OPCODE && length > 1;
                self.left = length;
                self.have = 0;
            }
        }
        carried
    }

    /// Whether the next byte begins a frame.
    pub(super) fn is_between(&self) -> bool {
        self.have == 0 && self.left == 0
    }

    /// The length of the frame's content, once its header is whole.
    fn length(&self) -> Option<u64> {
        if self.have < 2 {
            return None;
        }
        let extended = match self.header[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if self.header[1] & 0x80 == 0 { 0 } else { 4 };
        if self.have < 2 + extended + mask {
            return None;
        }
        let digits = match extended {
            0 => return Some(u64::from(self.header[1] & 0x7f)),
            some => &self.header[2..2 + some],
        };
        Some(
            digits
                .iter()
                .fold(0, |sum, digit| sum << 8 | u64::from(*digit)),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(opcode: u8, length: usize, masked: bool) -> Vec<u8> {
        let mut frame = vec![0x80 | opcode];
        let mask = u8::from(masked) << 7;
        match length {
            0..126 => frame.push(mask | length as u8),
            126..65536 => {
                frame.push(mask | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(vec![0xff; length + 4 * usize::from(masked)]);
        frame
    }

    proptest! {
        #[test]
        fn use_is_told_from_signs_of_life_however_it_is_cut(
            frames in prop::collection::vec((0..16u8, prop_oneof![0..200usize, 65_000..66_000usize], any::<bool>()), 1..6),
            pieces in prop::collection::vec(1..5000usize, 1..50),
        ) {
            let mut reader = Frames::default();
            let mut pieces = pieces.iter().cycle();
            for (opcode, length, masked) in frames {
                let bytes = frame(opcode, length, masked);
                let (mut rest, mut carried) = (&bytes[..], false);
                while !rest.is_empty() {
                    let (piece, later) = rest.split_at((*pieces.next().expect("endless")).min(rest.len()));
                    carried |= reader.carry(piece);
                    rest = later;
                }
                prop_assert_eq!(carried, opcode <= 2 && length > 1, "{} {}", opcode, length);
                prop_assert_eq!((reader.have, reader.left), (0, 0));
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            Frames::default().carry(&bytes);
        }
    }
}

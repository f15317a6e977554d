//! Letters from letters: how often each letter followed the last few, in a list of words. Where the last few were
//! never or seldom seen, one letter fewer is asked, and so on (Witten and Bell's smoothing). Nothing is trained
//! ahead of time: the list is short enough to be counted afresh for every letter.

use crate::random::Random;

/// Ends and begins a word.
const BREAK: u8 = b'\n';
const SYMBOLS: usize = 27;
const SHORTEST: usize = 5;
const LONGEST: usize = 18;
const CONSIDERED: usize = 5;

pub struct Model {
    /// Every word between two breaks.
    text: Vec<u8>,
}

pub struct Word {
    pub text: String,
    pub letters: Vec<Letter>,
}

pub struct Letter {
    pub symbol: u8,
    /// Not drawn: it was asked for.
    pub given: bool,
    pub share: f64,
    pub considered: Vec<(u8, f64)>,
}

impl Model {
    pub fn new<'a>(words: impl Iterator<Item = &'a str>) -> Model {
        let mut text = vec![BREAK];
        for word in words {
            text.extend(word.to_lowercase().bytes().filter(u8::is_ascii_lowercase));
            text.push(BREAK);
        }
        Model { text }
    }

    pub fn knows(&self, word: &str) -> bool {
        let framed = [&[BREAK], word.as_bytes(), &[BREAK]].concat();
        self.text.windows(framed.len()).any(|window| window == framed)
    }

    /// `memory` is how many letters back the model looks.
    pub fn write(&self, start: &str, memory: usize, temperature: f64, random: &mut Random) -> Word {
        let mut written = vec![BREAK];
        let mut letters = Vec::new();
        let mut given = start.bytes();
        loop {
            let length = written.len() - 1;
            let shares = self.shares(&written, memory, temperature, length);
            let asked = given.next();
            let index = match asked {
                Some(letter) => index_of(letter),
                None if length >= LONGEST => index_of(BREAK),
                None => draw(&shares, random.share()),
            };
            let symbol = symbol_of(index);
            letters.push(Letter {
                symbol,
                given: asked.is_some(),
                share: shares[index],
                considered: likeliest(&shares),
            });
            if symbol == BREAK {
                break;
            }
            written.push(symbol);
        }
        Word { text: written[1..].iter().map(|&byte| char::from(byte)).collect(), letters }
    }

    fn shares(&self, written: &[u8], memory: usize, temperature: f64, length: usize) -> [f64; SYMBOLS] {
        // A word's first letter always sees that it is the first.
        let back = memory.max(usize::from(length == 0)).min(written.len());
        let mut shares = [1.0 / SYMBOLS as f64; SYMBOLS];
        for letters in 0..=back {
            shares = self.refine(&shares, &written[written.len() - letters..]);
        }
        if length < SHORTEST {
            shares[index_of(BREAK)] = 0.0;
        }
        let tempered = shares.map(|share| share.powf(1.0 / temperature));
        let sum: f64 = tempered.iter().sum();
        tempered.map(|share| share / sum)
    }

    /// Mixes what followed `context` with what a shorter context expects: the more kinds of letters followed it so
    /// far, the likelier is yet another, and the more the shorter one counts.
    fn refine(&self, shorter: &[f64; SYMBOLS], context: &[u8]) -> [f64; SYMBOLS] {
        let mut counts = [0_u32; SYMBOLS];
        for window in self.text.windows(context.len() + 1) {
            if window.starts_with(context) {
                counts[index_of(window[context.len()])] += 1;
            }
        }
        let seen = f64::from(counts.iter().sum::<u32>());
        let kinds = counts.iter().filter(|&&count| count > 0).count() as f64;
        if seen == 0.0 {
            return *shorter;
        }
        std::array::from_fn(|index| (f64::from(counts[index]) + kinds * shorter[index]) / (seen + kinds))
    }
}

/// The end of a word is shown as a full stop.
pub fn shown(symbol: u8) -> String {
    char::from(if symbol == BREAK { b'.' } else { symbol }).to_string()
}

fn index_of(symbol: u8) -> usize {
    if symbol == BREAK { SYMBOLS - 1 } else { usize::from(symbol - b'a') }
}

fn symbol_of(index: usize) -> u8 {
    if index == SYMBOLS - 1 { BREAK } else { b'a' + index as u8 }
}

fn draw(shares: &[f64; SYMBOLS], mut share: f64) -> usize {
    for (index, part) in shares.iter().enumerate() {
        share -= part;
        if share < 0.0 {
            return index;
        }
    }
    // Only rounding leads here.
    likeliest_index(shares)
}

fn likeliest_index(shares: &[f64; SYMBOLS]) -> usize {
    (0..SYMBOLS).max_by(|&a, &b| shares[a].total_cmp(&shares[b])).unwrap_or_default()
}

fn likeliest(shares: &[f64; SYMBOLS]) -> Vec<(u8, f64)> {
    let mut order: Vec<usize> = (0..SYMBOLS).collect();
    order.sort_by(|&a, &b| shares[b].total_cmp(&shares[a]));
    order.iter().take(CONSIDERED).map(|&index| (symbol_of(index), shares[index])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_follow_the_list() {
        let model = Model::new(["rosa", "rota", "rosa"].into_iter());
        let shares = model.shares(b"\nro", 2, 1.0, 2);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(shares[index_of(b's')] > shares[index_of(b't')]);
        assert!(shares[index_of(b't')] > shares[index_of(b'x')]);
        assert!(shares[index_of(b'x')] > 0.0);
    }

    #[test]
    fn a_low_temperature_repeats_the_list_and_keeps_the_start() {
        let model = Model::new(["rosella", "salvia"].into_iter());
        let word = model.write("ro", 3, 0.1, &mut Random::new(1));
        assert_eq!(word.text, "rosella");
        assert!(model.knows("rosella") && !model.knows("rose"));
        assert_eq!(word.letters.iter().filter(|letter| letter.given).count(), 2);
    }

    #[test]
    fn words_end() {
        let model = Model::new(["aaaa"].into_iter());
        for seed in 0..50 {
            let length = model.write("", 0, 3.0, &mut Random::new(seed)).text.len();
            assert!((SHORTEST..=LONGEST).contains(&length));
        }
    }
}

//! The query string: `name=value` pairs, percent-encoded.

pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    pub fn new(text: &str) -> Query {
        let pair = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name), decode(value))
        };
        Query { pairs: text.split('&').map(pair).collect() }
    }

    pub fn text(&self, name: &str) -> &str {
        self.pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    pub fn parse<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name).parse().ok()
    }

    pub fn number(&self, name: &str, default: f64) -> f64 {
        self.parse(name).filter(|number: &f64| number.is_finite()).unwrap_or(default)
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digits = || Some((hex(rest.clone().next()?)?, hex(rest.clone().nth(1)?)?));
        match (byte, digits()) {
            (b'%', Some((high, low))) => {
                bytes.push(high * 16 + low);
                rest.nth(1);
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_names_and_values() {
        let query = Query::new("start=%C3%A4+b%zz&count=4&empty&bad=NaN");
        assert_eq!(query.text("start"), "ä b%zz");
        assert_eq!(query.number("count", 1.0), 4.0);
        assert_eq!((query.text("empty"), query.text("missing")), ("", ""));
        assert_eq!(query.number("bad", 2.0), 2.0);
    }
}

//! Whole numbers of clients that write them as `1.0`: to JSON Schema (2020-12 validation, §6.1.1) there is no difference.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// What a whole number of any size is read into.
pub(super) struct Whole<N>(pub(super) N);

impl<'de, N: TryFrom<i64> + TryFrom<u64>> Deserialize<'de> for Whole<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<N>(PhantomData<N>);

        impl<N: TryFrom<i64> + TryFrom<u64>> Visitor<'_> for Reader<N> {
            type Value = Whole<N>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a whole number")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                let read = N::try_from(number).map(Whole);
                read.map_err(|_| E::custom(format!("{number} is too large")))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                let read = N::try_from(number).map(Whole);
                read.map_err(|_| E::custom(format!("{number} is out of range")))
            }

            #[expect(
                clippy::cast_possible_truncation,
                reason = "it is whole, and of at most 53 bits"
            )]
            fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
                if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
                    return self.visit_i64(number as i64);
                }
                Err(E::custom(format!("{number} is not a whole number")))
            }
        }

        deserializer.deserialize_any(Reader(PhantomData))
    }
}

/// For a field.
pub(super) fn whole<'de, D, N>(deserializer: D) -> Result<N, D::Error>
where
    D: Deserializer<'de>,
    N: TryFrom<i64> + TryFrom<u64>,
{
    Whole::deserialize(deserializer).map(|Whole(number)| number)
}

/// For a field that may be `null`, or with `default` not there.
pub(super) fn maybe_whole<'de, D, N>(deserializer: D) -> Result<Option<N>, D::Error>
where
    D: Deserializer<'de>,
    N: TryFrom<i64> + TryFrom<u64>,
{
    let read = Option::<Whole<N>>::deserialize(deserializer)?;
    Ok(read.map(|Whole(number)| number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        let read =
            |text: &str| serde_json::from_str::<Whole<u64>>(text).map(|Whole(number)| number);
        assert_eq!(read("7").expect("7"), 7);
        assert_eq!(read("7.0").expect("7"), 7);
        assert_eq!(read("18446744073709551615").expect("the largest"), u64::MAX);
        for wrong in ["-1", "-1.0", "7.5", "1e300", "\"7\"", "null"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let signed: Whole<i64> = serde_json::from_str("-1.0").expect("-1");
        assert_eq!(signed.0, -1);
    }
}

//! The query of a request, as a type whose fields are its parameters.

use std::collections::BTreeMap;
use std::ops::{Deref, RangeInclusive};

use axum::extract::FromRequestParts;
use http::request::Parts;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::ApiError;
use super::describe::{Input, Operation};

/// A query. A list is a repeated key, a switch is `true` or `false` (or what Python writes), an empty value is none, and
/// what no field is named after is not read.
#[derive(Debug)]
pub(super) struct Query<T> {
    asked: T,
    pairs: Vec<(String, String)>,
}

/// All values of one key.
struct Values<'a> {
    key: &'a str,
    values: Vec<&'a str>,
}

// === impl Query ===

impl<T> Query<T> {
    /// The query with `key` set to `value` and everything else as it was.
    pub(super) fn with(&self, key: &str, value: &str) -> String {
        let others = self.pairs.iter().filter(|(found, _)| found != key);
        let pairs = others.map(|(key, value)| (key.as_str(), value.as_str()));
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let encoded: Vec<_> = pairs
            .chain([(key, value)])
            .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
            .collect();
        encoded.join("&")
    }
}

impl<T> Deref for Query<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.asked
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::from_request_parts(parts, state);
        let axum::extract::Query(pairs) = pairs
            .await
            .map_err(|error| ApiError::bad_request(error.to_string()))?;
        let asked = read(&pairs).map_err(|error| ApiError::bad_request(error.to_string()))?;
        Ok(Self { asked, pairs })
    }
}

impl<T: JsonSchema> Input for Query<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.takes_query::<T>();
    }
}

/// A number of a query within its bounds.
///
/// # Errors
/// 400 outside of them.
pub(super) fn within(
    key: &str,
    asked: Option<u64>,
    usual: u64,
    bounds: RangeInclusive<u64>,
) -> Result<u64, ApiError> {
    let number = asked.unwrap_or(usual);
    if bounds.contains(&number) {
        return Ok(number);
    }
    let (least, most) = bounds.into_inner();
    Err(ApiError::bad_request(format!(
        "`{key}` must be from {least} to {most}"
    )))
}

fn read<T: DeserializeOwned>(pairs: &[(String, String)]) -> Result<T, Error> {
    let mut by_key: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        by_key.entry(key).or_default().push(value);
    }
    let fields = by_key
        .into_iter()
        .map(|(key, values)| (key, Values { key, values }));
    T::deserialize(MapDeserializer::new(fields))
}

// === impl Values ===

impl Values<'_> {
    /// The one that counts where there is to be one.
    fn first(&self) -> &str {
        self.values.first().copied().unwrap_or_default()
    }
}

impl<'de> IntoDeserializer<'de> for Values<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Values<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.first())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.first() {
            "true" | "True" | "1" => visitor.visit_bool(true),
            "false" | "False" | "0" => visitor.visit_bool(false),
            _ => Err(Error::custom(format!(
                "`{}` must be `true` or `false`",
                self.key
            ))),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let wrong = |_| Error::custom(format!("`{}` must be a whole number", self.key));
        visitor.visit_u64(self.first().parse().map_err(wrong)?)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(SeqDeserializer::new(self.values.into_iter()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let word: serde::de::value::StrDeserializer<'_, Error> = self.first().into_deserializer();
        let wrong = |_| {
            let words = words.join("`, `");
            Error::custom(format!("`{}` must be one of `{words}`", self.key))
        };
        word.deserialize_enum(name, words, visitor).map_err(wrong)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct tuple
        tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    #[serde(rename_all = "camelCase")]
    struct Asked {
        limit: Option<u64>,
        #[serde(default)]
        with_cards: bool,
        #[serde(default)]
        tags: Vec<String>,
        order: Option<Order>,
    }

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    #[serde(rename_all = "lowercase")]
    enum Order {
        Up,
        Down,
    }

    fn asked(query: &[(&str, &str)]) -> Result<Asked, Error> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        read(&query.iter().map(owned).collect::<Vec<_>>())
    }

    #[test]
    fn keys_are_fields() {
        let all = [
            ("limit", "3"),
            ("tags", "a"),
            ("withCards", "True"),
            ("tags", ""),
            ("tags", "b"),
            ("order", "down"),
            ("other", "x"),
        ];
        assert_eq!(
            asked(&all).expect("a query"),
            Asked {
                limit: Some(3),
                with_cards: true,
                tags: vec!["a".to_owned(), "b".to_owned()],
                order: Some(Order::Down)
            }
        );
        let nothing = asked(&[("limit", ""), ("order", "")]).expect("a query");
        assert_eq!((nothing.limit, nothing.order), (None, None));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (key, value, says) in [
            ("limit", "-1", "`limit` must be a whole number"),
            (
                "withCards",
                "maybe",
                "`withCards` must be `true` or `false`",
            ),
            ("order", "left", "`order` must be one of `up`, `down`"),
        ] {
            assert_eq!(asked(&[(key, value)]).unwrap_err().to_string(), says);
        }
    }

    proptest! {
        #[test]
        fn no_query_panics(pairs in any::<Vec<(String, String)>>()) {
            let _ = read::<Asked>(&pairs);
        }
    }
}

//! Reading a row's columns into the domain's types, each failure naming the row.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use sqlx::any::AnyRow;
use sqlx::{Any, Decode, Row, Type};

use super::StoreError;

/// A row that knows what it is called.
pub(super) struct Fields<'r> {
    row: &'r AnyRow,
    table: &'static str,
    id: String,
}

// === impl Fields ===

impl<'r> Fields<'r> {
    /// The row of `table` whose key is in the column `key`.
    pub(super) fn new(
        row: &'r AnyRow,
        table: &'static str,
        key: &'static str,
    ) -> Result<Self, StoreError> {
        let unnamed = Self {
            row,
            table,
            id: String::from("?"),
        };
        let id = unnamed.text(key)?;
        Ok(Self { id, ..unnamed })
    }

    pub(super) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.get(column)
    }

    pub(super) fn optional_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.get(column)
    }

    pub(super) fn number(&self, column: &'static str) -> Result<i64, StoreError> {
        self.get(column)
    }

    pub(super) fn optional_number(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        self.get(column)
    }

    /// A name or identifier.
    pub(super) fn parsed<T>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T: FromStr<Err: Display>,
    {
        self.text(column)?
            .parse()
            .map_err(|error| self.corrupt(column, error))
    }

    /// A name or identifier that may be missing.
    pub(super) fn optional_parsed<T>(&self, column: &'static str) -> Result<Option<T>, StoreError>
    where
        T: FromStr<Err: Display>,
    {
        self.optional_text(column)?
            .map(|text| text.parse().map_err(|error| self.corrupt(column, error)))
            .transpose()
    }

    /// One of the domain's words.
    pub(super) fn word<T>(
        &self,
        column: &'static str,
        from_word: impl Fn(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        let word = self.text(column)?;
        from_word(&word).ok_or_else(|| self.corrupt(column, format_args!("unknown word `{word}`")))
    }

    /// A value stored as JSON that may be missing.
    pub(super) fn optional_json<T: DeserializeOwned>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        self.optional_text(column)?
            .map(|text| serde_json::from_str(&text).map_err(|error| self.corrupt(column, error)))
            .transpose()
    }

    /// The error for a column that makes no sense.
    pub(super) fn corrupt(&self, column: &'static str, problem: impl Display) -> StoreError {
        StoreError::Corrupt {
            table: self.table,
            id: self.id.clone(),
            problem: format!("{column}: {problem}"),
        }
    }

    fn get<T>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T: Decode<'r, Any> + Type<Any>,
    {
        self.row.try_get(column).map_err(|error| match error {
            sqlx::Error::ColumnDecode { source, .. } => self.corrupt(column, source),
            other => other.into(),
        })
    }
}

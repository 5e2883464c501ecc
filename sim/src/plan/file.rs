//! Reading files that people write: tables whose every key is known, and one line for an error.
//!
//! An error names the file, the line and the expected value. Nothing here knows what a scenario is.

use core::fmt;

use super::knobs::Unit;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// An error in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// The file's name as it was given.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The found value and the expected one.
    pub text: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.text)
    }
}

impl std::error::Error for FileError {}

/// A file that is being read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
}

impl Source<'_> {
    /// Makes an error at a byte of the file.
    pub(crate) fn error(&self, at: usize, text: String) -> FileError {
        let before = self.text.as_bytes().iter().take(at);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        FileError { file: self.file.to_owned(), line, text }
    }

    /// Returns the file as a document of TOML.
    pub(crate) fn document(&self) -> Result<DeTable<'_>, FileError> {
        DeTable::parse(self.text).map(Spanned::into_inner).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.error(at, error.message().lines().collect::<Vec<_>>().join(", "))
        })
    }
}

/// A table of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table<'a> {
    source: Source<'a>,
    map: &'a DeTable<'a>,
    at: usize,
}

/// A value of a file, and its key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a> {
    source: Source<'a>,
    pub(crate) key: &'a str,
    key_at: usize,
    value: &'a DeValue<'a>,
    at: usize,
}

impl<'a> Table<'a> {
    /// Returns the whole document.
    pub(crate) const fn root(source: Source<'a>, map: &'a DeTable<'a>) -> Self {
        Self { source, map, at: 0 }
    }

    pub(crate) fn error(&self, text: String) -> FileError {
        self.source.error(self.at, text)
    }

    /// Returns every entry, in the order of the file.
    pub(crate) fn entries(&self) -> Vec<Value<'a>> {
        let source = self.source;
        let entry = |(key, value): (&'a Spanned<_>, &'a Spanned<_>)| value_of(source, key, value);
        let mut entries: Vec<_> = self.map.iter().map(entry).collect();
        entries.sort_by_key(|entry| entry.key_at);
        entries
    }

    /// Refuses every key but these.
    pub(crate) fn only(&self, what: &str, keys: &[&str]) -> Result<(), FileError> {
        match self.entries().iter().find(|entry| !keys.contains(&entry.key)) {
            Some(entry) => Err(entry.unknown("key", entry.key, what, keys)),
            None => Ok(()),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Value<'a>> {
        self.map.get_key_value(key).map(|(key, value)| value_of(self.source, key, value))
    }

    /// Returns the value of a key that must be there.
    pub(crate) fn need(&self, key: &str) -> Result<Value<'a>, FileError> {
        self.get(key).ok_or_else(|| self.error(format!("{key:?} is missing")))
    }
}

fn value_of<'a>(
    source: Source<'a>,
    key: &'a Spanned<std::borrow::Cow<'a, str>>,
    value: &'a Spanned<DeValue<'a>>,
) -> Value<'a> {
    let (key_at, at) = (key.span().start, value.span().start);
    Value { source, key: key.get_ref(), key_at, value: value.get_ref(), at }
}

impl<'a> Value<'a> {
    /// Makes an error about this value.
    pub(crate) fn error(&self, text: String) -> FileError {
        self.source.error(self.at.max(self.key_at), text)
    }

    /// Makes an error about an unknown name under this key, with the known ones.
    pub(crate) fn unknown(&self, what: &str, name: &str, known_as: &str, known: &[&str]) -> FileError {
        let hint = nearest(name, known).map_or_else(String::new, |near| format!(" (do you mean {near:?}?)"));
        let text = format!("unknown {what} {name:?}{hint}; {known_as} are {}", known.join(", "));
        self.source.error(self.key_at, text)
    }

    fn wanted(&self, what: &str) -> FileError {
        let found = match self.value {
            DeValue::String(text) => format!("{text:?}"),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            DeValue::Boolean(yes) => yes.to_string(),
            DeValue::Datetime(_) => "a date".to_owned(),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        };
        self.error(format!("{:?} must be {what}, not {found}", self.key))
    }

    pub(crate) fn text(&self, what: &str) -> Result<&'a str, FileError> {
        self.value.as_str().ok_or_else(|| self.wanted(what))
    }

    pub(crate) fn switch(&self) -> Result<bool, FileError> {
        self.value.as_bool().ok_or_else(|| self.wanted(Unit::Switch.words()))
    }

    /// Reads a number in a unit.
    pub(crate) fn quantity(&self, unit: Unit) -> Result<u64, FileError> {
        let value = match unit {
            Unit::Count => {
                let number = self.value.as_integer();
                number.and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok())
            }
            Unit::Switch => self.value.as_bool().map(u64::from),
            Unit::Bytes | Unit::Time => self.value.as_str().and_then(|text| unit.read(text)),
        };
        value.ok_or_else(|| self.wanted(unit.words()))
    }

    pub(crate) fn is_table(&self) -> bool {
        self.value.as_table().is_some()
    }

    pub(crate) fn table(&self, what: &str) -> Result<Table<'a>, FileError> {
        let map = self.value.as_table().ok_or_else(|| self.wanted(what))?;
        Ok(Table { source: self.source, map, at: self.at })
    }

    /// Returns the values of a list; each has the list's key.
    pub(crate) fn list(&self, what: &str) -> Result<Vec<Self>, FileError> {
        let list = self.value.as_array().ok_or_else(|| self.wanted(what))?;
        Ok(list
            .iter()
            .map(|value| Self { value: value.get_ref(), at: value.span().start, ..*self })
            .collect())
    }
}

/// Returns the known name that is closest to a mistyped one, if one is close.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known.iter().map(|known| (distance(name, known), *known)).min()?;
    (near.0 <= 1 + (name.len() + 1) / 4).then_some(near.1)
}

/// Returns how many letters must be inserted, left out or changed.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, theirs) in other.iter().enumerate() {
            let change = diagonal + usize::from(letter != *theirs);
            diagonal = row[column + 1];
            row[column + 1] = change.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

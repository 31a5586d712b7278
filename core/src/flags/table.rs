//! The flags of one answer as bytes in the caller's memory.
//!
//! A table is a list of records, a record a list of fields. Each begins with a byte that says what
//! it is, and four with the length of what follows, in little-endian. Any bytes can be read as a
//! table: what does not add up ends the list.

use crate::usize_of;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Nothing any more: a later record has replaced it.
    Replaced,
    /// What the answer says beside its flags.
    Answer,
    /// A flag with everything about it.
    Flag,
    /// A flag of the older shape, its value alone.
    Value,
    /// The payload of a flag of the older shape.
    Payload,
}

/// What a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Tag {
    /// Of a record, the first: the flag's name.
    Key,
    /// Booleans are one byte, 0 or 1.
    Enabled,
    Variant,
    /// A typed value that is a boolean, or none: false.
    ValueBool,
    /// A typed value that is a string.
    ValueText,
    /// A typed value that is a number or an object, as JSON.
    ValueJson,
    Failed,
    /// A known member is of the wrong type, whatever the others say.
    WrongType,
    /// JSON text.
    Payload,
    ReasonCode,
    Reason,
    /// Numbers are as the answer has them, in decimal digits.
    Id,
    Version,
    HasExperiment,
    ConfigVersion,
    RuleType,
    RuleId,
    VariantKey,
    ForcedVariant,
    /// Of the answer.
    RequestId,
    EvaluatedAt,
    ErrorsWhileComputing,
    QuotaLimited,
    MinimalEvents,
}

/// What comes before the bytes of a record or a field.
const HEAD_LEN: usize = 5;

/// Records among which a flag's earlier record is looked for: no server says anything twice, and an
/// answer of thousands of flags must not cost their square.
const MAX_TWINS: usize = 128;

/// Writes a table, record by record. When the memory is full it goes on counting.
#[derive(Debug)]
pub(crate) struct TableWriter<'buf> {
    memory: &'buf mut [u8],
    /// Bytes written, or that would have been.
    len: usize,
    /// Where the record begins that is being written.
    record: usize,
    /// Where its last field begins.
    field: usize,
}

impl<'buf> TableWriter<'buf> {
    pub(crate) const fn new(memory: &'buf mut [u8]) -> Self {
        Self {
            memory,
            len: 0,
            record: 0,
            field: 0,
        }
    }

    pub(crate) const fn clear(&mut self) {
        self.len = 0;
    }

    /// Bytes that the table has, or would have.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.memory.len()
    }

    /// The table, if it fits.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.memory.get(..self.len)
    }

    /// [`Self::bytes`], for as long as the memory is lent.
    pub(crate) fn into_bytes(self) -> Option<&'buf mut [u8]> {
        self.memory.get_mut(..self.len)
    }

    pub(crate) fn begin_record(&mut self, kind: Kind) {
        self.record = self.len;
        self.head(kind as u8);
    }

    pub(crate) fn begin_field(&mut self, tag: Tag) {
        self.field = self.len;
        self.head(tag as u8);
    }

    /// Writes what fits of `bytes`: [`Self::has_key`] reads the beginning of a key.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = self.memory.get_mut(self.len..).unwrap_or_default();
        for (to, byte) in room.iter_mut().zip(bytes) {
            *to = *byte;
        }
        self.len = self.len.saturating_add(bytes.len());
    }

    /// Ends the field; `false` if it is not UTF-8.
    pub(crate) fn end_field(&mut self) -> bool {
        self.set_len(self.field);
        let start = self.field.saturating_add(HEAD_LEN);
        let written = self.memory.get(start..self.len);
        written.is_none_or(|bytes| core::str::from_utf8(bytes).is_ok())
    }

    pub(crate) fn bool(&mut self, tag: Tag, value: bool) {
        self.begin_field(tag);
        self.push(&[value.into()]);
        self.set_len(self.field);
    }

    /// Ends the record. One of the same kind and key among the first [`MAX_TWINS`] counts no more.
    pub(crate) fn end_record(&mut self) {
        self.set_len(self.record);
        let Some((before, record)) = self
            .memory
            .get_mut(..self.len)
            .and_then(|table| table.split_at_mut_checked(self.record))
        else {
            return;
        };
        if let Some(Record { kind, fields }) = Records(record).next()
            && let Some(key) = key(fields)
        {
            let is_same =
                |other: Record<'_>| other.kind == kind && self::key(other.fields) == Some(key);
            retire(before, MAX_TWINS, is_same);
        }
    }

    /// Forgets the record that is being written.
    pub(crate) const fn drop_record(&mut self) {
        self.len = self.record;
    }

    /// Whether the record that is being written, of which there is the key, has this one. Of a key
    /// that does not fit its length and its beginning decide: the table is too small either way,
    /// unless the key is not wanted.
    pub(crate) fn has_key(&self, key: &str) -> bool {
        let start = self.record.saturating_add(2 * HEAD_LEN);
        let written = self.memory.get(start..).unwrap_or_default();
        let len = self.len.saturating_sub(start);
        let fits = written.get(..len).unwrap_or(written);
        key.len() == len && key.as_bytes().starts_with(fits)
    }

    /// Forgets all records of this kind.
    pub(crate) fn retire(&mut self, kind: Kind) {
        if let Some(table) = self.memory.get_mut(..self.len) {
            retire(table, usize::MAX, |record| record.kind == kind as u8);
        }
    }

    fn head(&mut self, byte: u8) {
        self.push(&[byte, 0, 0, 0, 0]);
    }

    /// Notes the length of what began at `start`.
    fn set_len(&mut self, start: usize) {
        let len = self.len.saturating_sub(start).saturating_sub(HEAD_LEN);
        // What is longer than 4 GiB does not fit.
        let len = u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
        if let Some([_, place @ ..]) = self
            .memory
            .get_mut(start..)
            .and_then(<[u8]>::first_chunk_mut::<HEAD_LEN>)
        {
            *place = len;
        }
    }
}

/// Marks those of the first `most` records of `table` that `are` so as replaced.
fn retire(table: &mut [u8], most: usize, are: impl Fn(Record<'_>) -> bool) {
    let mut at = 0;
    for _ in 0..most {
        let Some(record) = Records(table.get(at..).unwrap_or_default()).next() else {
            break;
        };
        let len = record.fields.len();
        if are(record)
            && let Some(kind) = table.get_mut(at)
        {
            *kind = Kind::Replaced as u8;
        }
        at = at.saturating_add(HEAD_LEN).saturating_add(len);
    }
}

/// The bytes of a record's key.
fn key(fields: &[u8]) -> Option<&[u8]> {
    let (tag, key) = Records(fields)
        .next()
        .map(|field| (field.kind, field.fields))?;
    (tag == Tag::Key as u8).then_some(key)
}

/// What a field says that is a boolean.
pub(crate) fn bool_of(field: &[u8]) -> Option<bool> {
    match field {
        [0] => Some(false),
        [1] => Some(true),
        _ => None,
    }
}

/// A record, or a field: it has the same form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) kind: u8,
    pub(crate) fields: &'a [u8],
}

impl<'a> Record<'a> {
    pub(crate) fn is(self, kind: Kind) -> bool {
        self.kind == kind as u8
    }

    pub(crate) fn key(self) -> &'a str {
        let key = key(self.fields).map(core::str::from_utf8);
        key.and_then(Result::ok).unwrap_or_default()
    }

    /// Whether its key is this one.
    pub(crate) fn has_key(self, wanted: &str) -> bool {
        key(self.fields).unwrap_or_default() == wanted.as_bytes()
    }

    /// The last field of each kind that a value depends on, at the index that is its tag.
    pub(crate) fn value_fields(self) -> [Option<&'a [u8]>; Tag::WrongType as usize + 1] {
        let mut found = [None; Tag::WrongType as usize + 1];
        for field in Records(self.fields) {
            if let Some(place) = found.get_mut(usize::from(field.kind)) {
                *place = Some(field.fields);
            }
        }
        found
    }

    /// The last field of this kind that is text.
    pub(crate) fn text(self, tag: Tag) -> Option<&'a str> {
        core::str::from_utf8(self.bytes(tag)?).ok()
    }

    pub(crate) fn bool(self, tag: Tag) -> Option<bool> {
        bool_of(self.bytes(tag)?)
    }

    /// A whole number below 10¹⁹, in digits; `None` where it is something else.
    pub(crate) fn digits(self, tag: Tag) -> Option<&'a str> {
        /// Each number of so many digits is below 2⁶⁴.
        const MAX_DIGITS: usize = 19;
        let text = self.text(tag)?;
        // JSON has one kind of number, so 2.0 is a whole one.
        let digits = text.strip_suffix(".0").unwrap_or(text);
        let is_whole =
            digits.len() <= MAX_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        // The table may have come from anywhere, and this goes into events as it is.
        let is_canonical = digits == "0" || !matches!(digits.as_bytes(), [] | [b'0', ..]);
        (is_whole && is_canonical).then_some(digits)
    }

    pub(crate) fn u64(self, tag: Tag) -> Option<u64> {
        self.digits(tag)?.parse().ok()
    }

    fn bytes(self, tag: Tag) -> Option<&'a [u8]> {
        let fields = Records(self.fields).filter(|field| field.kind == tag as u8);
        fields.last().map(|field| field.fields)
    }
}

/// The records of a table, or the fields of a record.
#[derive(Clone, Debug)]
pub(crate) struct Records<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let (&[kind, len @ ..], rest) = self.0.split_first_chunk::<HEAD_LEN>()?;
        let (fields, rest) = rest.split_at_checked(usize_of(u32::from_le_bytes(len)))?;
        self.0 = rest;
        Some(Record { kind, fields })
    }
}

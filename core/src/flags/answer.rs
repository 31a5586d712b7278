//! Reads the body of an answer to `/flags/`, piece by piece, into a table (PROTOCOL section 3).
//!
//! Three shapes are read, told apart by what is in them: v2 has an object `flags`, v4 has the same
//! with a typed `value` in each flag, the older one has `featureFlags` and `featureFlagPayloads`.

use heapless::Vec;

use crate::flags::table::{Kind, TableWriter, Tag};
use crate::json::stream::{Fault, Lexer, Token};
use crate::packed::{Packed, packed};

/// One more than the longest name that is looked for, so that a longer one differs.
const MAX_NAME_LEN: usize = 26;

/// A parser that is fed an answer in pieces of any size.
///
/// Members may come in any order, and unknown ones are skipped. Of a flag that occurs twice the
/// last counts, among the first 128. A known member of the wrong type fails its flag, and no other.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts; a set of flags would hide their names"
)]
#[derive(Clone, Debug)]
pub(super) struct Parser {
    lexer: Lexer,
    /// The name of a member, unless it is a flag's key, which goes to the table.
    name: Vec<u8, MAX_NAME_LEN, u8>,
    place: Place,
    /// What the next value is for.
    role: Role,
    /// Brackets that are open in a value which is skipped or copied.
    depth: u8,
    is_copying: bool,
    has_record: bool,
    has_field: bool,
    found_flags: bool,
    found_values: bool,
}

/// The innermost object or array that is open and is not skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Body,
    Flags,
    Flag,
    Reason,
    Metadata,
    /// `featureFlags`.
    Values,
    /// `featureFlagPayloads`.
    Payloads,
    /// `quotaLimited`.
    Quota,
}

impl Place {
    const fn parent(self) -> Self {
        match self {
            Self::Reason | Self::Metadata => Self::Flag,
            Self::Flag => Self::Flags,
            _ => Self::Body,
        }
    }

    /// Whether the names in it are the keys of flags, and what a record of one is.
    const fn records(self) -> Option<Kind> {
        match self {
            Self::Flags => Some(Kind::Flag),
            Self::Values => Some(Kind::Value),
            Self::Payloads => Some(Kind::Payload),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Skipped,
    Bool(Tag),
    Text(Tag),
    Number(Tag),
    /// A typed value: anything but an array.
    Typed,
    /// A value of the older shape: a boolean or a variant.
    Value,
    /// A text of JSON, or any JSON.
    Payload,
    Object(Place),
    /// An array of names.
    Quota,
}

impl Role {
    /// The field for a value that is a string, if it may be one.
    const fn of_string(self) -> Option<Tag> {
        match self {
            Self::Text(tag) => Some(tag),
            Self::Typed => Some(Tag::ValueText),
            Self::Value => Some(Tag::Variant),
            Self::Payload => Some(Tag::Payload),
            _ => None,
        }
    }

    const fn of_number(self) -> Option<Tag> {
        match self {
            Self::Number(tag) => Some(tag),
            Self::Typed => Some(Tag::ValueJson),
            Self::Payload => Some(Tag::Payload),
            _ => None,
        }
    }

    const fn of_bool(self) -> Option<Tag> {
        match self {
            Self::Bool(tag) => Some(tag),
            Self::Typed => Some(Tag::ValueBool),
            Self::Value => Some(Tag::Enabled),
            _ => None,
        }
    }
}

/// The members that are read in one place, and what each is for.
struct Members {
    names: Packed,
    roles: &'static [Role],
}

const BODY: Members = Members {
    names: packed![
        "flags",
        "featureFlags",
        "featureFlagPayloads",
        "errorsWhileComputingFlags",
        "minimalFlagCalledEvents",
        "quotaLimited",
        "requestId",
        "evaluatedAt",
    ],
    roles: &[
        Role::Object(Place::Flags),
        Role::Object(Place::Values),
        Role::Object(Place::Payloads),
        Role::Bool(Tag::ErrorsWhileComputing),
        Role::Bool(Tag::MinimalEvents),
        Role::Quota,
        Role::Text(Tag::RequestId),
        Role::Number(Tag::EvaluatedAt),
    ],
};
const FLAG: Members = Members {
    names: packed![
        "enabled", "variant", "value", "failed", "reason", "metadata",
    ],
    roles: &[
        Role::Bool(Tag::Enabled),
        Role::Text(Tag::Variant),
        Role::Typed,
        Role::Bool(Tag::Failed),
        Role::Object(Place::Reason),
        Role::Object(Place::Metadata),
    ],
};
const REASON: Members = Members {
    names: packed!["code", "description",],
    roles: &[Role::Text(Tag::ReasonCode), Role::Text(Tag::Reason)],
};
const METADATA: Members = Members {
    names: packed![
        "id",
        "version",
        "payload",
        "has_experiment",
        "config_version",
        "rule_type",
        "rule_id",
        "variant_key",
        "forced_variant",
    ],
    roles: &[
        Role::Number(Tag::Id),
        Role::Number(Tag::Version),
        Role::Payload,
        Role::Bool(Tag::HasExperiment),
        Role::Number(Tag::ConfigVersion),
        Role::Text(Tag::RuleType),
        Role::Text(Tag::RuleId),
        Role::Text(Tag::VariantKey),
        Role::Bool(Tag::ForcedVariant),
    ],
};

impl Parser {
    pub(super) const fn new() -> Self {
        Self {
            lexer: Lexer::new(),
            name: Vec::new(),
            place: Place::Body,
            role: Role::Object(Place::Body),
            depth: 0,
            is_copying: false,
            has_record: false,
            has_field: false,
            found_flags: false,
            found_values: false,
        }
    }

    /// Takes the next piece. Flags whose keys are not among `keys`, if there are any, are left out.
    pub(super) fn read(
        &mut self,
        mut piece: &[u8],
        table: &mut TableWriter<'_>,
        keys: Option<&[&str]>,
    ) -> Result<(), Fault> {
        // What follows the answer is not read, wherever the pieces end.
        while !self.is_complete() {
            let before = piece;
            let token = self.lexer.read(&mut piece)?;
            if self.is_copying {
                let len = before.len().saturating_sub(piece.len());
                table.push(before.get(..len).unwrap_or_default());
            }
            let Some(token) = token else {
                return Ok(());
            };
            self.take(token, table, keys)?;
        }
        Ok(())
    }

    /// Whether what has been read is a whole answer. Then nothing more is to be read.
    pub(super) fn is_complete(&self) -> bool {
        self.lexer.is_complete()
    }

    /// Whether the answer, which is complete, has flags in one of the shapes, be it none of them.
    pub(super) fn finish(&self, table: &mut TableWriter<'_>) -> bool {
        if self.found_flags {
            // They say all that the older shape says.
            table.retire(Kind::Value);
            table.retire(Kind::Payload);
        }
        self.found_flags || self.found_values
    }

    fn take(
        &mut self,
        token: Token<'_>,
        table: &mut TableWriter<'_>,
        keys: Option<&[&str]>,
    ) -> Result<(), Fault> {
        if self.depth > 0 {
            return self.pass(token, table);
        }
        match token {
            Token::Text(run) => self.text(run, table),
            Token::Char(char) => self.text(char.encode_utf8(&mut [0; 4]).as_bytes(), table),
            Token::Digits(run) => {
                if let Some(tag) = self.role.of_number() {
                    self.field(tag, table);
                    table.push(run);
                }
            }
            Token::Name => return self.name_ends(table, keys),
            Token::String => {
                if self.place == Place::Quota {
                    self.quota(*self.name == *b"feature_flags", table);
                    self.name.clear();
                }
                match self.role.of_string() {
                    // An empty one has no part.
                    Some(tag) => self.field(tag, table),
                    None => self.wrong_type(table),
                }
                self.end_value(table)?;
            }
            Token::Number => {
                if self.role.of_number().is_none() {
                    self.wrong_type(table);
                }
                self.end_value(table)?;
            }
            Token::Bool(value) => {
                match (self.role, self.role.of_bool()) {
                    (_, Some(tag)) => {
                        self.record(table);
                        table.bool(tag, value);
                    }
                    (Role::Payload, _) => {
                        self.field(Tag::Payload, table);
                        table.push(if value { b"true" } else { b"false" });
                    }
                    (Role::Quota, _) => self.quota(value, table),
                    _ => self.wrong_type(table),
                }
                self.end_value(table)?;
            }
            Token::Null => {
                match self.role {
                    Role::Typed => table.bool(Tag::ValueBool, false),
                    Role::Value | Role::Object(Place::Flag) => self.wrong_type(table),
                    // As good as absent.
                    _ => {}
                }
                self.end_value(table)?;
            }
            Token::Open { is_object } => self.open(is_object, table),
            Token::Close => {
                let ends_flag = self.place == Place::Flag;
                self.place = self.place.parent();
                self.role = Role::Skipped;
                if ends_flag {
                    self.end_value(table)?;
                }
            }
        }
        Ok(())
    }

    /// Passes over a value that is skipped or copied.
    fn pass(&mut self, token: Token<'_>, table: &mut TableWriter<'_>) -> Result<(), Fault> {
        match token {
            // No more are open than a lexer allows.
            Token::Open { .. } => self.depth = self.depth.saturating_add(1),
            Token::Close => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.is_copying = false;
                    self.end_value(table)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, is_object: bool, table: &mut TableWriter<'_>) {
        match self.role {
            Role::Object(place) if is_object => {
                self.found_flags |= place == Place::Flags;
                self.found_values |= place == Place::Values;
                self.place = place;
                self.role = Role::Skipped;
                return;
            }
            Role::Quota if !is_object => {
                self.place = Place::Quota;
                self.role = Role::Skipped;
                self.name.clear();
                return;
            }
            Role::Payload => self.copy(Tag::Payload, is_object, table),
            Role::Typed if is_object => self.copy(Tag::ValueJson, is_object, table),
            _ => self.wrong_type(table),
        }
        self.depth = 1;
    }

    fn copy(&mut self, tag: Tag, is_object: bool, table: &mut TableWriter<'_>) {
        self.field(tag, table);
        table.push(if is_object { b"{" } else { b"[" });
        self.is_copying = true;
    }

    /// Takes a part of a string.
    fn text(&mut self, bytes: &[u8], table: &mut TableWriter<'_>) {
        if self.lexer.is_in_name() {
            match self.place.records() {
                Some(kind) => self.key(kind, table),
                None => return self.push_name(bytes),
            }
        } else if self.place == Place::Quota {
            return self.push_name(bytes);
        } else if let Some(tag) = self.role.of_string() {
            self.field(tag, table);
        } else {
            return;
        }
        table.push(bytes);
    }

    /// Takes a part of a name; one that is longer than any that is looked for is cut, and differs.
    fn push_name(&mut self, bytes: &[u8]) {
        let room = self.name.capacity().saturating_sub(self.name.len());
        let part = bytes.get(..room).unwrap_or(bytes);
        let _ = self.name.extend_from_slice(part);
    }

    fn name_ends(
        &mut self,
        table: &mut TableWriter<'_>,
        keys: Option<&[&str]>,
    ) -> Result<(), Fault> {
        let Some(kind) = self.place.records() else {
            let members = match self.place {
                Place::Flag => FLAG,
                Place::Reason => REASON,
                Place::Metadata => METADATA,
                _ => BODY,
            };
            let mut named = members.names.words().zip(members.roles);
            let named = named.find(|(name, _)| **name == *self.name);
            self.role = named.map_or(Role::Skipped, |(_, role)| *role);
            self.name.clear();
            return Ok(());
        };
        self.key(kind, table);
        if !table.end_field() {
            return Err(Fault);
        }
        self.has_field = false;
        self.role = match kind {
            Kind::Flag => Role::Object(Place::Flag),
            Kind::Payload => Role::Payload,
            _ => Role::Value,
        };
        if !keys.is_none_or(|keys| keys.iter().any(|key| table.has_key(key))) {
            table.drop_record();
            self.has_record = false;
            self.role = Role::Skipped;
        }
        Ok(())
    }

    /// Begins a flag's record by its key, unless it has begun.
    fn key(&mut self, kind: Kind, table: &mut TableWriter<'_>) {
        if !self.has_record {
            self.has_record = true;
            table.begin_record(kind);
        }
        self.field(Tag::Key, table);
    }

    /// Begins a record of what the answer says beside its flags, unless one has begun.
    fn record(&mut self, table: &mut TableWriter<'_>) {
        if !self.has_record {
            self.has_record = true;
            table.begin_record(Kind::Answer);
        }
    }

    /// Begins the field `tag`, unless it has begun.
    fn field(&mut self, tag: Tag, table: &mut TableWriter<'_>) {
        self.record(table);
        if !self.has_field {
            self.has_field = true;
            table.begin_field(tag);
        }
    }

    fn quota(&mut self, is_limited: bool, table: &mut TableWriter<'_>) {
        if is_limited {
            self.record(table);
            table.bool(Tag::QuotaLimited, true);
        }
    }

    /// A value is of another type than its role has.
    fn wrong_type(&self, table: &mut TableWriter<'_>) {
        if self.role != Role::Skipped && self.has_record {
            table.bool(Tag::WrongType, true);
        }
    }

    fn end_value(&mut self, table: &mut TableWriter<'_>) -> Result<(), Fault> {
        if self.has_field && !table.end_field() {
            return Err(Fault);
        }
        self.has_field = false;
        self.role = Role::Skipped;
        // Within a flag its record goes on.
        let ends_record =
            self.place.records().is_some() || matches!(self.place, Place::Body | Place::Quota);
        if ends_record && self.has_record {
            self.has_record = false;
            table.end_record();
        }
        Ok(())
    }
}

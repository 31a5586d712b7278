//! What is asked: the body of a request to `/flags/` (PROTOCOL section 3).

use crate::capture_error::{CaptureError, MAX_DISTINCT_ID_BYTES};

use crate::event::{MemberSource, Properties, Value};
use crate::flags::error::FlagQueryError;
#[cfg(feature = "text")]
use crate::json::Text;
use crate::json::lexical::MAX_DEPTH;
use crate::json::writer::Writer;
use crate::usize_of;
use crate::wire::object::{ObjectWriter, write_value};
use crate::wire::validate;

/// Whose flags are asked for, and what the server may decide by. Make it with [`FlagQuery::new`]
/// and set the fields that should differ.
#[derive(Clone, Copy, Debug)]
pub struct FlagQuery<'a> {
    /// The person; 1 to 200 bytes, not blank.
    pub distinct_id: &'a str,
    /// The groups that the person acts in, as (type, key).
    pub groups: &'a [(&'a str, &'a str)],
    /// Person properties that count beside those the server knows. `distinct_id` is added unless
    /// it is among them.
    pub person_properties: Properties<'a>,
    /// Properties of groups that count likewise, as (type, properties).
    pub group_properties: &'a [(&'a str, Properties<'a>)],
    /// The flags that are asked for; all by default. An answer's other flags are left out.
    pub keys: Option<&'a [&'a str]>,
    /// Tells the server not to look up where the request comes from. Off by default.
    pub disable_geoip: bool,
    /// The device, for flags that stay the same when a person logs in.
    pub device_id: Option<&'a str>,
}

impl<'a> FlagQuery<'a> {
    /// Asks for all flags of `distinct_id`.
    pub const fn new(distinct_id: &'a str) -> Self {
        Self {
            distinct_id,
            groups: &[],
            person_properties: Properties::None,
            group_properties: &[],
            keys: None,
            disable_geoip: false,
            device_id: None,
        }
    }

    /// Writes the body; returns its length in bytes, which may exceed `body`.
    pub(super) fn write(&self, token: &str, body: &mut [u8]) -> Result<usize, FlagQueryError> {
        let writer = &mut Writer::new(body);
        let mut object = ObjectWriter::new(writer);
        object.name("token").string(token);
        object.name("distinct_id").string(self.distinct_id);
        object.begin("groups");
        for (kind, key) in self.groups {
            object.name(kind).string(key);
        }
        object.end();
        object.begin("person_properties");
        if !has_member(self.person_properties, "distinct_id") {
            object.name("distinct_id").string(self.distinct_id);
        }
        write_members(&mut object, self.person_properties)?;
        object.end();
        object.begin("group_properties");
        for (kind, properties) in self.group_properties {
            object.begin(kind);
            write_members(&mut object, *properties)?;
            object.end();
        }
        object.end();
        object.name("geoip_disable").bool(self.disable_geoip);
        if let Some(device_id) = self.device_id {
            object.name("device_id").string(device_id);
        }
        if let Some(keys) = self.keys {
            let writer = object.name("flag_keys_to_evaluate");
            let mut separator = b'[';
            for key in keys {
                writer.byte(separator);
                separator = b',';
                writer.string(key);
            }
            writer.raw(if keys.is_empty() { b"[]" } else { b"]" });
        }
        object.end();
        Ok(writer.len())
    }

    pub(super) fn check(&self) -> Result<(), FlagQueryError> {
        let len = self.distinct_id.len();
        if validate::is_blank(self.distinct_id) {
            Err(FlagQueryError::DistinctIdEmpty)
        } else if len > MAX_DISTINCT_ID_BYTES {
            Err(FlagQueryError::DistinctIdTooLong { len })
        } else {
            Ok(())
        }
    }
}

fn has_member(properties: Properties<'_>, name: &str) -> bool {
    match properties {
        Properties::None => false,
        Properties::Members(members) => members.iter().any(|(other, _)| *other == name),
        Properties::Source(source) => members_of(source).any(|(other, _)| other == name),
        #[cfg(feature = "text")]
        Properties::Json(text) | Properties::TrustedJson(text) => Text::checked(text)
            .members()
            .any(|member| member.key.spells(name.as_bytes())),
    }
}

fn write_members(
    object: &mut ObjectWriter<'_, '_>,
    properties: Properties<'_>,
) -> Result<(), CaptureError> {
    match properties {
        Properties::None => {}
        Properties::Members(members) => {
            for (name, value) in members {
                write_value(object.name(name), value, MAX_DEPTH)?;
            }
        }
        Properties::Source(source) => {
            for (name, value) in members_of(source) {
                write_value(object.name(name), &value, MAX_DEPTH)?;
            }
        }
        // There are too few of these to trust a text.
        #[cfg(feature = "text")]
        Properties::Json(text) | Properties::TrustedJson(text) => {
            let mut members = Text::unchecked(text).walk()?;
            while let Some(member) = members.try_next()? {
                object.run(text.get(member.span).unwrap_or_default());
            }
        }
    }
    Ok(())
}

fn members_of(source: &dyn MemberSource) -> impl Iterator<Item = (&str, Value<'_>)> {
    // A source that never ends is cut off.
    (0..u32::MAX).map_while(|index| source.member(usize_of(index)))
}

//! What goes into events: the flags that were in force, and the flag that a program read.

use crate::flags::snapshot::{Flag, FlagValue, Flags};
use crate::flags::tracker::Hash;

/// Properties of an event that come from flags.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub enum FlagProperties<'a> {
    /// None.
    #[default]
    None,
    /// `$feature/<key>` for every flag that has a value, and `$active_feature_flags`, the keys of
    /// those that are on. Each replaces a property of the same name.
    Active(Flags<'a>),
    /// What `$feature_flag_called` says about one flag.
    Called(FlagRead<'a>),
}

impl<'a> From<Flags<'a>> for FlagProperties<'a> {
    fn from(flags: Flags<'a>) -> Self {
        Self::Active(flags)
    }
}

/// One access of a program to a flag, for `$feature_flag_called` (PROTOCOL section 3).
///
/// ```
/// # use hoglet::*;
/// # fn f(client: &mut Client<'_>, tracker: &mut FlagTracker<'_>, flags: Flags<'_>, now: Instant) {
/// let read = FlagRead::new(flags, "new-nav", "user-1", &[]);
/// if tracker.insert(read.id()) && client.capture(&read.event(), now, &mut Ignore).is_err() {
///     // It was refused: the next access tries again.
///     tracker.remove(read.id());
/// }
/// if read.is_enabled() {
///     // …
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FlagRead<'a> {
    pub(crate) flags: Flags<'a>,
    pub(crate) flag: Option<Flag<'a>>,
    pub(crate) key: &'a str,
    pub(crate) distinct_id: &'a str,
    pub(crate) groups: &'a [(&'a str, &'a str)],
}

impl<'a> FlagRead<'a> {
    /// An access to the flag `key` among `flags`, which were evaluated for `distinct_id` and
    /// `groups`.
    pub fn new(
        flags: Flags<'a>,
        key: &'a str,
        distinct_id: &'a str,
        groups: &'a [(&'a str, &'a str)],
    ) -> Self {
        Self {
            flags,
            flag: flags.get(key),
            key,
            distinct_id,
            groups,
        }
    }

    /// The flag's value; `None` if the answer does not have it, or it failed.
    pub fn value(&self) -> Option<FlagValue<'a>> {
        self.flag?.value()
    }

    /// Whether the flag is on, or has a variant.
    pub fn is_enabled(&self) -> bool {
        self.value().is_some_and(|value| value.is_enabled())
    }

    /// What tells it from other accesses: a hash of `distinct_id`, key, value and groups, whose
    /// order does not count. For a [`FlagTracker`](crate::FlagTracker).
    pub fn id(&self) -> u64 {
        let mut hash = Hash::default();
        hash.text(self.distinct_id);
        hash.text(self.key);
        match self.value() {
            None => hash.word(0),
            Some(FlagValue::Bool(is_on)) => hash.word(1 + u32::from(is_on)),
            Some(FlagValue::Json(_)) => hash.word(2),
            Some(FlagValue::Variant(variant)) => hash.text(variant),
        }
        let groups = self.groups.iter().map(|(kind, key)| {
            let mut hash = Hash::default();
            hash.text(kind);
            hash.text(key);
            hash.finish()
        });
        hash.finish()
            .wrapping_add(groups.fold(0, u64::wrapping_add))
    }
}

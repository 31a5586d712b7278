//! What stands in for `json.rs` without the feature `text`: the same types, of which there can be no
//! value, so that all code about them vanishes.

use core::convert::Infallible;
use core::marker::PhantomData;
use core::ops::Range;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a>(Infallible, PhantomData<&'a ()>);

impl<'a> Text<'a> {
    pub(crate) const fn bytes(self) -> &'a [u8] {
        match self.0 {}
    }

    pub(crate) const fn members(self) -> core::option::IntoIter<Member<'a>> {
        match self.0 {}
    }
}

pub(crate) struct Member<'a> {
    pub(crate) key: RawKey<'a>,
    pub(crate) value: Text<'a>,
    pub(crate) span: Range<usize>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct RawKey<'a>(Infallible, PhantomData<&'a ()>);

impl<'a> RawKey<'a> {
    pub(crate) const fn bytes(self) -> &'a [u8] {
        match self.0 {}
    }

    pub(crate) const fn spells(self, _: &str) -> bool {
        match self.0 {}
    }

    pub(crate) const fn is_same(self, _: RawKey<'_>) -> bool {
        match self.0 {}
    }
}

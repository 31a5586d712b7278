//! The types of `scan.rs` without the feature `text`. They have no values, so the compiler drops
//! all code about them.

use core::convert::Infallible;
use core::marker::PhantomData;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a>(Infallible, PhantomData<&'a ()>);

impl<'a> Text<'a> {
    pub(crate) const fn bytes(self) -> &'a [u8] {
        match self.0 {}
    }

    pub(crate) const fn as_string(self) -> Option<RawStr<'a>> {
        match self.0 {}
    }

    pub(crate) const fn members(self) -> Members<'a> {
        match self.0 {}
    }
}

pub(crate) struct Members<'a>(Infallible, PhantomData<&'a ()>);

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        match self.0 {}
    }
}

pub(crate) struct Member<'a> {
    pub(crate) key: RawStr<'a>,
    pub(crate) value: Text<'a>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct RawStr<'a>(Infallible, PhantomData<&'a ()>);

impl<'a> RawStr<'a> {
    pub(crate) const fn bytes(self) -> &'a [u8] {
        match self.0 {}
    }

    pub(crate) const fn unescaped(self) -> core::option::IntoIter<u8> {
        match self.0 {}
    }

    pub(crate) const fn spells(self, _: &[u8]) -> bool {
        match self.0 {}
    }

    pub(crate) const fn is_same(self, _: RawStr<'_>) -> bool {
        match self.0 {}
    }
}

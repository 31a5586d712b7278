//! The queue: events in wire form, in order, in the caller's memory.
//!
//! ```text
//! bytes  ....|#### in flight ####|..gap..|---- queued ----|..... room .....
//! slots  ....|#### in flight ####|..gap..|---- queued ----|..... room .....
//! ```
//! Both arrays have the same shape. The gap appears when queued events are evicted while a batch
//! is in flight, and closes when something moves. This file knows nothing of time, HTTP or JSON.

use core::ops::Range;

use uuid::Uuid;

use crate::client::clock::Base;
use crate::queue::storage::{Slot, State};

/// A run of events: where their bytes are and where their slots are.
#[derive(Clone, Debug, Default)]
struct Run {
    bytes: Range<usize>,
    slots: Range<usize>,
}

impl Run {
    fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Leaves out the first event, `slot`.
    fn skip_first(&mut self, slot: &Slot) {
        self.slots.start = self.slots.start.saturating_add(1);
        self.bytes.start = self.bytes.start.saturating_add(len_of(slot));
    }
}

/// An amount of memory, in the two measures that bound it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Free {
    bytes: usize,
    slots: usize,
}

impl Free {
    pub(crate) fn holds(self, len: usize) -> bool {
        self.slots > 0 && len <= self.bytes
    }

    pub(crate) fn fraction(self, of: usize) -> Self {
        Self {
            bytes: self.bytes / of,
            slots: self.slots / of,
        }
    }

    pub(crate) fn is_below(self, other: Self) -> bool {
        self.bytes < other.bytes || self.slots < other.slots
    }
}

#[derive(Debug)]
pub(crate) struct Arena<'buf> {
    bytes: &'buf mut [u8],
    slots: &'buf mut [Slot],
    pinned: Run,
    queued: Run,
}

impl<'buf> Arena<'buf> {
    pub(crate) fn new(bytes: &'buf mut [u8], slots: &'buf mut [Slot]) -> Self {
        Self {
            bytes,
            slots,
            pinned: Run::default(),
            queued: Run::default(),
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Free bytes once everything has moved together, and slots in all.
    pub(crate) fn free_and_slots(&self) -> (usize, usize) {
        (self.free().bytes, self.slots.len())
    }

    pub(crate) fn queued_len(&self) -> usize {
        self.queued.slots.len()
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued.bytes.len()
    }

    pub(crate) fn pinned_len(&self) -> usize {
        self.pinned.slots.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pinned.is_empty() && self.queued.is_empty()
    }

    /// Whether no further event can be queued, however small.
    pub(crate) fn has_no_slot(&self) -> bool {
        self.free().slots == 0
    }

    /// Whether little is left: no slot, or less than a quarter of the bytes.
    pub(crate) fn is_nearly_full(&self) -> bool {
        let free = self.free();
        free.slots == 0 || free.bytes < self.bytes.len() / 4
    }

    /// Whether there is room for the events that come while the oldest wait: a slot, and a
    /// sixteenth of the bytes.
    pub(crate) fn has_room(&self) -> bool {
        let free = self.free();
        free.slots > 0 && free.bytes >= self.bytes.len() / 16
    }

    /// Whether an event of `len` bytes would fit once everything has moved together.
    pub(crate) fn fits(&self, len: usize) -> bool {
        self.free().holds(len)
    }

    /// What is free once everything has moved together.
    pub(crate) fn free(&self) -> Free {
        let Free { bytes, slots } = self.free_without_queue();
        Free {
            bytes: bytes.saturating_sub(self.queued.bytes.len()),
            slots: slots.saturating_sub(self.queued.slots.len()),
        }
    }

    /// What would be free if everything that can be evicted was.
    pub(crate) fn free_without_queue(&self) -> Free {
        Free {
            bytes: self.bytes.len().saturating_sub(self.pinned.bytes.len()),
            slots: self.slots.len().saturating_sub(self.pinned.slots.len()),
        }
    }

    /// The free bytes behind the last event.
    ///
    /// Bytes that were used before come first: when more lies free in front of the last event than is stored,
    /// everything moves to the front. So no more than twice what was ever stored at once is touched, an event more at
    /// most, and no more bytes are moved than were freed. An event has many more bytes than its slot, so the bytes
    /// bound the slots as well.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        let stored = self.pinned.bytes.len() + self.queued.bytes.len();
        if self.queued.bytes.end.saturating_sub(stored) > stored {
            self.compact();
        }
        self.bytes
            .get_mut(self.queued.bytes.end..)
            .unwrap_or_default()
    }

    /// Queues the event whose bytes were written at the start of [`Self::room`].
    pub(crate) fn commit(&mut self, slot: Slot) {
        if self.queued.slots.end == self.slots.len() {
            self.compact_slots();
        }
        if let Some(free) = self.slots.get_mut(self.queued.slots.end) {
            *free = slot;
            self.queued.slots.end += 1;
            self.queued.bytes.end += len_of(&slot);
        }
    }

    /// Moves everything to the front. Costs the bytes that are stored.
    pub(crate) fn compact(&mut self) {
        let mut to = 0;
        for run in [&mut self.pinned, &mut self.queued] {
            run.bytes = shift(self.bytes, &run.bytes, to);
            to = run.bytes.end;
        }
        self.compact_slots();
    }

    /// Moves the slots alone: the bytes behind the last event may be those of one about to be
    /// committed.
    fn compact_slots(&mut self) {
        let mut to = 0;
        for run in [&mut self.pinned, &mut self.queued] {
            run.slots = shift(self.slots, &run.slots, to);
            to = run.slots.end;
        }
    }

    /// Takes the oldest queued event out. Its slot says so for as long as it stands between the
    /// batch and the queue.
    pub(crate) fn evict_oldest(&mut self) -> Option<Slot> {
        let place = self.slots.get_mut(self.queued.slots.clone())?.first_mut()?;
        place.state = State::Ended;
        let slot = *place;
        self.queued.skip_first(&slot);
        Some(slot)
    }

    /// Puts the first `count` queued events in flight. Nothing may be in flight.
    pub(crate) fn pin(&mut self, count: usize) {
        debug_assert!(self.pinned.is_empty(), "one batch at a time");
        let start = self.queued.clone();
        for _ in 0..count {
            if let Some(slot) = self.queued().first().copied() {
                self.queued.skip_first(&slot);
            }
        }
        self.pinned = Run {
            bytes: start.bytes.start..self.queued.bytes.start,
            slots: start.slots.start..self.queued.slots.start,
        };
    }

    /// Puts everything that is queued in flight, behind what is.
    #[cfg(feature = "leave")]
    pub(crate) fn pin_all(&mut self) {
        self.unpin();
        self.pin(self.queued.slots.len());
    }

    /// Puts what is in flight back in front of the queue.
    pub(crate) fn unpin(&mut self) {
        let bytes = self
            .queued
            .bytes
            .start
            .saturating_sub(self.pinned.bytes.len());
        let slots = self
            .queued
            .slots
            .start
            .saturating_sub(self.pinned.slots.len());
        if !self.pinned.is_empty() {
            self.queued.bytes.start = shift(self.bytes, &self.pinned.bytes, bytes).start;
            self.queued.slots.start = shift(self.slots, &self.pinned.slots, slots).start;
        }
        self.pinned = Run::default();
    }

    /// Puts the one event in flight behind the queue, as deferred; says whether there was room to.
    pub(crate) fn defer_pinned(&mut self) -> bool {
        let Some(slot) = self.pinned().first().copied() else {
            return false;
        };
        if !self.fits(len_of(&slot)) {
            return false;
        }
        if self.room().len() < len_of(&slot) {
            self.compact();
        }
        let to = self.queued.bytes.end;
        copy(self.bytes, self.pinned.bytes.start, to, len_of(&slot));
        self.commit(Slot {
            is_deferred: true,
            ..slot
        });
        self.release();
        true
    }

    /// Frees what is in flight.
    pub(crate) fn release(&mut self) {
        self.pinned = Run::default();
    }

    /// Keeps in flight only the events that have not ended, as pending. They move back, against the
    /// queue, so the cost is that of the batch and not of the queue.
    pub(crate) fn retain_unended(&mut self) {
        let mut from = self.pinned.clone();
        let mut kept = Run {
            bytes: from.bytes.end..from.bytes.end,
            slots: from.slots.end..from.slots.end,
        };
        while let Some(slot) = from
            .slots
            .next_back()
            .and_then(|at| self.slots.get(at))
            .copied()
        {
            let start = from.bytes.end.saturating_sub(len_of(&slot));
            if slot.state != State::Ended {
                kept.bytes.start -= len_of(&slot);
                kept.slots.start -= 1;
                shift(self.bytes, &(start..from.bytes.end), kept.bytes.start);
                if let Some(place) = self.slots.get_mut(kept.slots.start) {
                    *place = slot;
                    place.state = State::Pending;
                }
            }
            from.bytes.end = start;
        }
        self.pinned = kept;
    }

    /// The bytes of a part of the events in flight, without the last comma.
    pub(crate) fn batch(&self, part: Range<usize>) -> &[u8] {
        let Range { mut start, mut end } = self.pinned.bytes;
        // Without `leave` a request has all of them.
        if cfg!(feature = "leave") {
            let slots = self.pinned();
            let bytes = |slots: &[Slot]| slots.iter().map(len_of).sum::<usize>();
            start += bytes(slots.get(..part.start).unwrap_or_default());
            end = start + bytes(slots.get(part).unwrap_or_default());
        }
        let bytes = self.bytes.get(start..end).unwrap_or_default();
        bytes.split_last().map_or(&[], |(_, batch)| batch)
    }

    pub(crate) fn pinned(&self) -> &[Slot] {
        self.slots
            .get(self.pinned.slots.clone())
            .unwrap_or_default()
    }

    pub(crate) fn pinned_mut(&mut self) -> &mut [Slot] {
        self.slots
            .get_mut(self.pinned.slots.clone())
            .unwrap_or_default()
    }

    pub(crate) fn queued(&self) -> &[Slot] {
        self.slots
            .get(self.queued.slots.clone())
            .unwrap_or_default()
    }

    pub(crate) fn contains(&self, uuid: Uuid) -> bool {
        self.live().any(|slot| slot.uuid == uuid)
    }

    pub(crate) fn uses(&self, base: Base) -> bool {
        self.live().any(|slot| slot.base == base)
    }

    /// The events that have not ended, from the front on.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Slot> {
        let first = if self.pinned.is_empty() {
            self.queued.slots.start
        } else {
            self.pinned.slots.start
        };
        let slots = self.slots.get(first..self.queued.slots.end);
        let slots = slots.unwrap_or_default().iter();
        slots.filter(|slot| slot.state != State::Ended)
    }
}

fn len_of(slot: &Slot) -> usize {
    // A slot's length was measured in an array of this machine: it fits.
    usize::try_from(slot.len).unwrap_or(usize::MAX)
}

/// Moves `from` so that it starts at `to`; returns where it is now.
///
/// In steps as long as the distance, of which none overlaps itself: a move of memory that does is a library function
/// of a kilobyte and a half on a device.
fn shift<T: Copy>(array: &mut [T], from: &Range<usize>, to: usize) -> Range<usize> {
    let len = from.len();
    let step = from.start.abs_diff(to);
    let mut moved = 0;
    while step > 0 && moved < len {
        let count = step.min(len - moved);
        // Forwards from the front, backwards from the back: nothing is overwritten that is still to be moved.
        let at = if to < from.start {
            moved
        } else {
            len - moved - count
        };
        copy(
            array,
            from.start.saturating_add(at),
            to.saturating_add(at),
            count,
        );
        moved += count;
    }
    to..to.saturating_add(len)
}

/// Copies `count` items to a place that does not overlap theirs.
fn copy<T: Copy>(array: &mut [T], from: usize, to: usize, count: usize) {
    let Some((front, back)) = array.split_at_mut_checked(from.max(to)) else {
        return;
    };
    let lower = front
        .get_mut(from.min(to)..)
        .and_then(|front| front.get_mut(..count));
    if let (Some(lower), Some(upper)) = (lower, back.get_mut(..count)) {
        let (source, target) = if to < from {
            (upper, lower)
        } else {
            (lower, upper)
        };
        target.copy_from_slice(source);
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    extern crate std;

    /// Runs a script of one-letter events: lower case captures, `P2` pins two, `R` releases, `U`
    /// unpins, `E` evicts, `C` compacts, `Kab` retries a and b only. Returns "in flight|queued".
    fn check(bytes: usize, slots: usize, script: &str, expect: &str) {
        let (mut bytes, mut slots) = (std::vec![0; bytes], std::vec![Slot::EMPTY; slots]);
        let mut arena = Arena::new(&mut bytes, &mut slots);
        for word in script.split(' ') {
            let (command, rest) = word.split_at(1);
            match command {
                "P" => arena.pin(rest.parse().expect("a count")),
                "R" => arena.release(),
                "U" => arena.unpin(),
                "E" => assert!(arena.evict_oldest().is_some()),
                "C" => arena.compact(),
                "K" => {
                    for slot in arena.pinned_mut() {
                        let name = char::from(slot.uuid.as_bytes()[0]);
                        let keep = rest.contains(name);
                        slot.state = if keep { State::Retry } else { State::Ended };
                    }
                    arena.retain_unended();
                }
                _ => capture(&mut arena, command.as_bytes()[0]),
            }
        }
        let names = |slots: &[Slot]| -> String {
            slots
                .iter()
                .map(|s| char::from(s.uuid.as_bytes()[0]))
                .collect()
        };
        let trace = std::format!("{}|{}", names(arena.pinned()), names(arena.queued()));
        assert_eq!(trace, expect, "{script}");
        let wire: Vec<u8> = names(arena.pinned())
            .bytes()
            .flat_map(|b| [b, b','])
            .collect();
        let all = 0..arena.pinned_len();
        assert_eq!(
            arena.batch(all),
            wire.split_last().map_or(&[][..], |(_, w)| w),
            "{script}"
        );
        let queued = arena
            .bytes
            .get(arena.queued.bytes.clone())
            .expect("in range");
        let wire: Vec<u8> = names(arena.queued())
            .bytes()
            .flat_map(|b| [b, b','])
            .collect();
        assert_eq!(queued, wire, "{script}");
    }

    fn capture(arena: &mut Arena<'_>, name: u8) {
        assert!(arena.fits(2), "the script overfills the arena");
        if arena.room().len() < 2 {
            arena.compact();
        }
        arena.room()[..2].copy_from_slice(&[name, b',']);
        let slot = Slot {
            uuid: Uuid::from_bytes([name; 16]),
            len: 2,
            state: State::Pending,
            ..Slot::EMPTY
        };
        arena.commit(slot);
    }

    #[test]
    fn events_leave_in_the_order_they_came() {
        check(8, 4, "a b c P2", "ab|c");
        check(8, 4, "a b c P2 R d e P3", "cde|");
    }

    #[test]
    fn a_partial_retry_keeps_only_its_events() {
        check(12, 6, "a b c d e P4 Kbd", "bd|e");
        check(12, 6, "a b c d e P4 Kac", "ac|e");
        check(12, 6, "a b c P3 K", "|");
    }

    #[test]
    fn a_batch_put_back_is_in_front_again() {
        check(12, 6, "a b c d P2 U", "|abcd");
        check(12, 6, "a b c d P3 Kb U", "|bd");
    }

    #[test]
    fn what_is_in_flight_survives_evictions() {
        check(8, 4, "a b c d P1 E e", "a|cde");
        check(8, 4, "a b c d P1 E E e U", "|ade");
        check(8, 4, "a b c d P2 E E Ka U", "|a");
    }

    #[test]
    fn room_at_the_front_is_found_again() {
        check(8, 4, "a b c d P2 R e f", "|cdef");
        check(8, 4, "a b P1 R C c d e", "|bcde");
        // Slots run out before bytes do.
        check(64, 4, "a b c d P2 R e f", "|cdef");
        check(64, 4, "a b c d P2 Ka e", "a|cde");
    }

    /// Events come and go, the queue short all the while: neither bytes nor slots that were never used before are
    /// touched without need, and what that costs is bounded.
    #[test]
    fn what_is_touched_is_a_few_times_what_is_stored() {
        const UNTOUCHED: u8 = 0xaa;
        const LONGEST: usize = 40;
        let (mut bytes, mut slots) = (std::vec![UNTOUCHED; 1 << 16], std::vec![Slot::EMPTY; 4_096]);
        let mut arena = Arena::new(&mut bytes, &mut slots);
        let mut random = 1_u32;
        let mut below = |limit: usize| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            usize::try_from(random >> 16).expect("16 bits") % limit
        };
        let (mut moved, mut written, mut peak) = (0, 0, 0);
        for _ in 0..20_000 {
            let len = 20 + below(LONGEST - 20);
            let stored = |arena: &Arena<'_>| arena.pinned.bytes.len() + arena.queued.bytes.len();
            let starts = |arena: &Arena<'_>| (arena.pinned.bytes.start, arena.queued.bytes.start);
            let before = starts(&arena);
            arena.room()[..len].fill(b'x');
            if starts(&arena) != before {
                moved += stored(&arena);
            }
            arena.commit(Slot {
                uuid: Uuid::from_u128(1),
                len: u32::try_from(len).expect("a short event"),
                state: State::Pending,
                ..Slot::EMPTY
            });
            written += len;
            peak = peak.max(stored(&arena));
            if arena.pinned_len() > 0 && below(10) == 0 {
                arena.release();
            } else if arena.pinned_len() == 0 && arena.queued_len() > 5 + below(50) {
                arena.pin(1 + below(arena.queued_len()));
            } else if arena.queued_len() > 20 && below(4) == 0 {
                arena.evict_oldest();
            }
        }
        let touched = arena.bytes.iter().rposition(|byte| *byte != UNTOUCHED);
        let touched = touched.expect("something was written") + 1;
        assert!(written > 500_000 && peak < 10_000, "{written} {peak}");
        assert!(touched <= 2 * peak + LONGEST, "{touched} of {peak}");
        assert!(moved <= written, "{moved} of {written}");
        let used = arena.slots.iter().rposition(|slot| slot.len > 0);
        let used = used.expect("there were events") + 1;
        assert!(used * 20 <= touched, "{used} slots");
    }

    #[test]
    fn slots_bound_the_queue_as_bytes_do() {
        let (mut bytes, mut slots) = ([0; 64], [Slot::EMPTY; 2]);
        let mut arena = Arena::new(&mut bytes, &mut slots);
        capture(&mut arena, b'a');
        capture(&mut arena, b'b');
        assert!(!arena.fits(1));
        arena.evict_oldest();
        assert!(arena.fits(60) && !arena.fits(63));
    }
}

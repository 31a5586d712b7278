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

/// How much of an array is what.
#[derive(Debug, Default)]
struct Layout {
    /// Free items in front of the batch.
    start: usize,
    pinned: usize,
    /// Free items between the batch and the queue; 0 if nothing is in flight.
    gap: usize,
    queued: usize,
}

impl Layout {
    fn stored(&self) -> usize {
        self.pinned + self.queued
    }

    fn pinned(&self) -> Range<usize> {
        self.start..self.start + self.pinned
    }

    fn queued(&self) -> Range<usize> {
        let start = self.start + self.pinned + self.gap;
        start..start + self.queued
    }

    /// Takes `count` items out of the front of the queue.
    fn evict(&mut self, count: usize) {
        self.queued = self.queued.saturating_sub(count);
        self.gap += count;
        self.keep_last(self.pinned);
    }

    /// Keeps the last `count` items in flight.
    fn keep_last(&mut self, count: usize) {
        self.start += self.pinned.saturating_sub(count);
        self.pinned = count;
        if count == 0 {
            self.start += self.gap;
            self.gap = 0;
        }
    }

    /// Puts the first `count` items of the queue in flight.
    fn pin(&mut self, count: usize) {
        self.queued = self.queued.saturating_sub(count);
        self.pinned += count;
    }
}

/// One of the two arrays.
#[derive(Debug)]
struct Array<'buf, T> {
    items: &'buf mut [T],
    at: Layout,
}

impl<'buf, T: Copy> Array<'buf, T> {
    fn new(items: &'buf mut [T]) -> Self {
        let at = Layout::default();
        Self { items, at }
    }

    fn part(&self, range: Range<usize>) -> &[T] {
        self.items.get(range).unwrap_or_default()
    }

    fn part_mut(&mut self, range: Range<usize>) -> &mut [T] {
        self.items.get_mut(range).unwrap_or_default()
    }

    /// What is free behind the queue.
    fn room(&mut self) -> &mut [T] {
        let end = self.at.queued().end;
        debug_assert!(end <= self.items.len(), "what is stored fits");
        self.items.get_mut(end..).unwrap_or_default()
    }

    /// Moves `count` items.
    fn shift(&mut self, from: usize, to: usize, count: usize) {
        let last = self.items.len().checked_sub(count);
        let fits = last.is_some_and(|last| from <= last && to <= last);
        debug_assert!(fits, "items move within the array");
        if fits {
            self.items.copy_within(from..from + count, to);
        }
    }

    /// Moves the batch up to the queue.
    fn close_gap(&mut self) {
        let to = self.at.start + self.at.gap;
        self.shift(self.at.start, to, self.at.pinned);
        self.at.start = to;
        self.at.gap = 0;
    }

    /// Puts what is in flight back in front of the queue.
    fn unpin(&mut self) {
        self.close_gap();
        self.at.queued += self.at.pinned;
        self.at.pinned = 0;
    }

    /// Moves everything to the front.
    fn compact(&mut self) {
        self.close_gap();
        self.shift(self.at.start, 0, self.at.stored());
        self.at.start = 0;
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
    bytes: Array<'buf, u8>,
    slots: Array<'buf, Slot>,
}

impl<'buf> Arena<'buf> {
    pub(crate) fn new(bytes: &'buf mut [u8], slots: &'buf mut [Slot]) -> Self {
        Self {
            bytes: Array::new(bytes),
            slots: Array::new(slots),
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.items.len()
    }

    /// Free bytes once everything has moved together, and slots in all.
    pub(crate) fn free_and_slots(&self) -> (usize, usize) {
        (self.free().bytes, self.slots.items.len())
    }

    pub(crate) fn queued_len(&self) -> usize {
        self.slots.at.queued
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.bytes.at.queued
    }

    pub(crate) fn pinned_len(&self) -> usize {
        self.slots.at.pinned
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.at.stored() == 0
    }

    /// Whether no further event can be queued, however small.
    pub(crate) fn has_no_slot(&self) -> bool {
        self.free().slots == 0
    }

    /// Whether little is left: no slot, or less than a quarter of the bytes.
    pub(crate) fn is_nearly_full(&self) -> bool {
        !self.free().holds(self.capacity() / 4)
    }

    /// Whether there is room for the events that come while the oldest wait: a slot, and a
    /// sixteenth of the bytes.
    pub(crate) fn has_room(&self) -> bool {
        self.fits(self.capacity() / 16)
    }

    /// Whether an event of `len` bytes would fit once everything has moved together.
    pub(crate) fn fits(&self, len: usize) -> bool {
        self.free().holds(len)
    }

    /// What is free once everything has moved together.
    pub(crate) fn free(&self) -> Free {
        let Free { bytes, slots } = self.free_without_queue();
        Free {
            bytes: bytes.saturating_sub(self.bytes.at.queued),
            slots: slots.saturating_sub(self.slots.at.queued),
        }
    }

    /// What would be free if everything that can be evicted was.
    pub(crate) fn free_without_queue(&self) -> Free {
        Free {
            bytes: self.capacity().saturating_sub(self.bytes.at.pinned),
            slots: self.slots.items.len().saturating_sub(self.slots.at.pinned),
        }
    }

    /// The free bytes behind the last event.
    ///
    /// Bytes that were used before come first: when more lies free in front of the last event than
    /// is stored, everything moves to the front. So no more than twice what was ever stored at once
    /// is touched, an event more at most, and no more bytes are moved than were freed. An event has
    /// many more bytes than its slot, so the bytes bound the slots as well.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        let Layout { start, gap, .. } = self.bytes.at;
        if start + gap > self.bytes.at.stored() {
            self.compact();
        }
        self.bytes.room()
    }

    /// Queues the event whose bytes were written at the start of [`Self::room`].
    pub(crate) fn commit(&mut self, slot: Slot) {
        if self.slots.room().is_empty() {
            // The slots alone: the bytes behind the last event are those of the new one.
            self.slots.compact();
        }
        let free = self.slots.room().first_mut();
        debug_assert!(
            free.is_some(),
            "an event is queued only where a slot is free"
        );
        if let Some(free) = free {
            *free = slot;
            self.slots.at.queued += 1;
            self.bytes.at.queued += len_of(&slot);
        }
    }

    /// Moves everything to the front. Costs the bytes that are stored.
    pub(crate) fn compact(&mut self) {
        self.bytes.compact();
        self.slots.compact();
    }

    /// Takes the oldest queued event out. Its slot says so for as long as it stands between the
    /// batch and the queue.
    pub(crate) fn evict_oldest(&mut self) -> Option<&Slot> {
        let first = self.slots.at.queued().next()?;
        let slot = self.slots.items.get_mut(first)?;
        slot.state = State::Ended;
        self.slots.at.evict(1);
        self.bytes.at.evict(len_of(slot));
        Some(slot)
    }

    /// Puts the first `count` queued events, of `bytes` bytes, in flight. Nothing may be in flight.
    pub(crate) fn pin(&mut self, count: usize, bytes: usize) {
        debug_assert!(self.pinned_len() == 0, "one batch at a time");
        let first = self.queued().iter().take(count);
        debug_assert!(first.map(len_of).sum::<usize>() == bytes, "what is queued");
        self.slots.at.pin(count);
        self.bytes.at.pin(bytes);
    }

    /// Puts everything that is queued in flight, behind what is.
    #[cfg(feature = "leave")]
    pub(crate) fn pin_all(&mut self) {
        self.unpin();
        self.pin(self.queued_len(), self.queued_bytes());
    }

    /// Puts what is in flight back in front of the queue.
    pub(crate) fn unpin(&mut self) {
        self.bytes.unpin();
        self.slots.unpin();
    }

    /// Puts the one event in flight behind the queue, as deferred; says whether there was room to.
    pub(crate) fn defer_pinned(&mut self) -> bool {
        let Some(slot) = self.pinned().first().copied() else {
            return false;
        };
        let len = len_of(&slot);
        if !self.fits(len) {
            return false;
        }
        if self.room().len() < len {
            self.compact();
        }
        let (from, to) = (self.bytes.at.start, self.bytes.at.queued().end);
        self.bytes.shift(from, to, len);
        self.commit(Slot {
            is_deferred: true,
            ..slot
        });
        self.release();
        true
    }

    /// Frees what is in flight.
    pub(crate) fn release(&mut self) {
        self.bytes.at.keep_last(0);
        self.slots.at.keep_last(0);
    }

    /// Keeps in flight only the events that have not ended, as pending. They move back, against the
    /// queue, so the cost is that of the batch and not of the queue.
    pub(crate) fn retain_unended(&mut self) {
        let (bytes, slots) = (self.bytes.at.pinned(), self.slots.at.pinned());
        // Where the event that is looked at begins, and those that are kept.
        let mut from = bytes.end;
        let (mut kept_from, mut kept_at) = (bytes.end, slots.end);
        for at in slots.clone().rev() {
            let Some(slot) = self.slots.items.get_mut(at) else {
                break;
            };
            let len = len_of(slot);
            from = from.saturating_sub(len);
            if slot.state != State::Ended {
                slot.state = State::Pending;
                kept_from = kept_from.saturating_sub(len);
                kept_at = kept_at.saturating_sub(1);
                self.bytes.shift(from, kept_from, len);
                self.slots.shift(at, kept_at, 1);
            }
        }
        debug_assert!(
            from == bytes.start,
            "a batch's bytes are those of its slots"
        );
        self.bytes.at.keep_last(bytes.end.saturating_sub(kept_from));
        self.slots.at.keep_last(slots.end.saturating_sub(kept_at));
    }

    /// The bytes of the events in flight, a comma after each.
    pub(crate) fn batch(&self) -> &[u8] {
        self.bytes.part(self.bytes.at.pinned())
    }

    pub(crate) fn pinned(&self) -> &[Slot] {
        self.slots.part(self.slots.at.pinned())
    }

    pub(crate) fn pinned_mut(&mut self) -> &mut [Slot] {
        self.slots.part_mut(self.slots.at.pinned())
    }

    pub(crate) fn queued(&self) -> &[Slot] {
        self.slots.part(self.slots.at.queued())
    }

    pub(crate) fn contains(&self, uuid: Uuid) -> bool {
        self.live().any(|slot| slot.uuid == uuid)
    }

    pub(crate) fn uses(&self, base: Base) -> bool {
        self.live().any(|slot| slot.base == base)
    }

    /// The events that have not ended, from the front on.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Slot> {
        let stored = self.slots.at.start..self.slots.at.queued().end;
        let slots = self.slots.part(stored).iter();
        slots.filter(|slot| slot.state != State::Ended)
    }
}

fn len_of(slot: &Slot) -> usize {
    // A slot's length was measured in an array of this machine: it fits.
    usize::try_from(slot.len).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    extern crate std;

    fn pin(arena: &mut Arena<'_>, count: usize) {
        let first = arena.queued().iter().take(count);
        arena.pin(count, first.map(len_of).sum());
    }

    /// Runs a script of one-letter events: lower case captures, `P2` pins two, `R` releases, `U`
    /// unpins, `E` evicts, `C` compacts, `Kab` retries a and b only. Returns "in flight|queued".
    fn check(bytes: usize, slots: usize, script: &str, expect: &str) {
        let (mut bytes, mut slots) = (std::vec![0; bytes], std::vec![Slot::EMPTY; slots]);
        let mut arena = Arena::new(&mut bytes, &mut slots);
        for word in script.split(' ') {
            let (command, rest) = word.split_at(1);
            match command {
                "P" => pin(&mut arena, rest.parse().expect("a count")),
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
        assert_eq!(arena.batch(), wire, "{script}");
        let queued = arena
            .bytes
            .items
            .get(arena.bytes.at.queued())
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

    /// Events come and go, the queue short all the while: neither bytes nor slots that were never
    /// used before are touched without need, and what that costs is bounded.
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
            let stored = |arena: &Arena<'_>| arena.bytes.at.stored();
            let starts = |arena: &Arena<'_>| (arena.bytes.at.start, arena.bytes.at.queued().start);
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
                let count = 1 + below(arena.queued_len());
                pin(&mut arena, count);
            } else if arena.queued_len() > 20 && below(4) == 0 {
                arena.evict_oldest();
            }
        }
        let touched = arena
            .bytes
            .items
            .iter()
            .rposition(|byte| *byte != UNTOUCHED);
        let touched = touched.expect("something was written") + 1;
        assert!(written > 500_000 && peak < 10_000, "{written} {peak}");
        assert!(touched <= 2 * peak + LONGEST, "{touched} of {peak}");
        assert!(moved <= written, "{moved} of {written}");
        let used = arena.slots.items.iter().rposition(|slot| slot.len > 0);
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

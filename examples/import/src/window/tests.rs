use hoglet_native::{Cause, Outcome};

use super::*;

fn receipt(uuid: u128, outcome: Outcome) -> Receipt {
    Receipt {
        uuid: Uuid::from_u128(uuid),
        attempts: 1,
        outcome,
    }
}

fn at(bytes: u64) -> Mark {
    Mark {
        bytes,
        digest: bytes.into(),
    }
}

/// Lines of ten bytes: events 1 to 3 with a blank and a bad line between them.
fn window() -> Window {
    let mut window = Window::new(Settled::default());
    window.wait(at(10), Uuid::from_u128(1));
    window.blank(at(20));
    window.wait(at(30), Uuid::from_u128(2));
    window.refuse(at(40), "not_json");
    window.wait(at(50), Uuid::from_u128(3));
    window
}

fn settled(window: &Window) -> [u64; 6] {
    let Settled {
        lines,
        bytes,
        delivered,
        dropped,
        refused,
        blank,
        digest,
    } = window.settled();
    assert!(window.settled().adds_up());
    assert_eq!(digest, u128::from(bytes));
    [lines, bytes, delivered, dropped, refused, blank]
}

#[test]
fn lines_are_settled_from_the_first_one_on() {
    let mut window = window();
    assert_eq!(settled(&window), [0; 6]);
    window.receive(&receipt(2, Outcome::Delivered));
    assert_eq!(settled(&window), [0; 6]);
    window.receive(&receipt(1, Outcome::Dropped(Some("quota".to_owned()))));
    assert_eq!(settled(&window), [4, 40, 1, 1, 1, 1]);
    window.take_back(&Uuid::from_u128(3), "name_empty");
    assert_eq!(settled(&window), [5, 50, 1, 1, 2, 1]);
    assert_eq!((window.waiting(), window.ended()), (0, 3));
}

#[test]
fn an_event_to_be_sent_again_holds_the_count_and_stops_the_import() {
    let mut window = window();
    window.receive(&receipt(1, Outcome::Delivered));
    window.receive(&receipt(2, Outcome::Exhausted(Cause::Status(503))));
    window.hear("overloaded");
    window.receive(&receipt(3, Outcome::Rejected(401)));
    window.hear("no such key");
    assert_eq!(settled(&window), [2, 20, 1, 0, 0, 1]);
    let stop = Stop {
        line: 3,
        outcome: "exhausted (status 503)".to_owned(),
        said: Some("overloaded".to_owned()),
    };
    assert_eq!(window.stop(), Some(&stop));
    assert_eq!((window.run.left.total(), window.waiting()), (2, 0));
}

#[test]
fn a_later_run_counts_on() {
    let mut first = window();
    first.receive(&receipt(1, Outcome::Delivered));
    let mut second = Window::new(first.settled());
    second.wait(at(30), Uuid::from_u128(2));
    second.receive(&receipt(2, Outcome::Warning(None)));
    assert_eq!(settled(&second), [3, 30, 2, 0, 0, 1]);
    assert_eq!((second.run.lines, second.run.delivered), (1, 1));
}

#[test]
fn a_receipt_for_nobody_changes_nothing() {
    let mut window = window();
    window.receive(&receipt(9, Outcome::Abandoned));
    assert_eq!((settled(&window), window.stop()), ([0; 6], None));
    assert_eq!((window.run.left.total(), window.waiting()), (0, 3));
}

#[test]
fn a_window_is_full_while_its_first_event_has_not_ended() {
    let mut window = Window::new(Settled::default());
    window.wait(at(1), Uuid::from_u128(1));
    let blanks = u64::try_from(MAX_LINES).expect("small");
    (2..=blanks).for_each(|end| window.blank(at(end)));
    assert!(window.is_full());
    window.receive(&receipt(1, Outcome::Delivered));
    assert!(!window.is_full());
    assert_eq!(window.settled().lines, blanks);
}

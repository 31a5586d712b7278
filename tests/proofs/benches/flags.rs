//! What feature flags cost in the core: `cargo bench -p proofs --bench flags`. Medians to read, no
//! assertions. `serde_json` reads the same answer beside, into a `Value`.

use std::fmt::Write as _;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use hoglet::{
    Client, Config, Event, FlagEvaluation, FlagQuery, FlagRead, Flags, FlagsAction, FlagsConfig,
    Ignore, Instant, RequestId, ResponseHead, Slot, Storage,
};

/// Flags of a large project's answer, and of a small one's.
const FLAGS: [usize; 2] = [5, 50];
const NOW: Instant = Instant::from_millis(1_000);

fn main() {
    for flags in FLAGS {
        let answer = answer(flags);
        let table = table(&answer);
        println!(
            "{flags} flags: an answer of {} bytes, a table of {}",
            answer.len(),
            table.len()
        );
    }
    divan::main();
}

fn key(number: usize) -> String {
    format!("feature-number-{number}")
}

/// An answer in the shape of v2, as the server writes it.
fn answer(flags: usize) -> Vec<u8> {
    let mut text = String::from(r#"{"errorsWhileComputingFlags":false,"flags":{"#);
    for number in 0..flags {
        let comma = if number == 0 { "" } else { "," };
        let (key, is_on) = (key(number), number % 3 > 0);
        let variant = match number % 3 {
            2 => r#""variant-b""#,
            _ => "null",
        };
        write!(
            text,
            r#"{comma}"{key}":{{"key":"{key}","enabled":{is_on},"variant":{variant},"reason":{{"code":"condition_match","description":"Matched condition set 1","condition_index":0}},"metadata":{{"id":{number},"version":3,"description":null,"payload":"{{\"color\":\"red\"}}"}}}}"#
        )
        .expect("a String takes it");
    }
    text += r#"},"quotaLimited":[],"requestId":"0190a6c2-3b4d-7e5f-8a9b-c0d1e2f3a4b5","evaluatedAt":1700000000000}"#;
    text.into_bytes()
}

/// Lends an evaluation whose request has been sent.
fn with_evaluation<R>(run: impl FnOnce(&mut FlagEvaluation<'_>, RequestId) -> R) -> R {
    let config = FlagsConfig::new("phc_test");
    let query = FlagQuery::new("user-1");
    let (mut body, mut table) = ([0; 512], [0; 1 << 14]);
    let evaluation = FlagEvaluation::new(&config, &query, &mut body, &mut table, NOW);
    let mut evaluation = evaluation.expect("a good question");
    let FlagsAction::Send(id) = evaluation.poll(NOW) else {
        panic!("it is sent at once");
    };
    run(&mut evaluation, id)
}

fn read(evaluation: &mut FlagEvaluation<'_>, id: RequestId, answer: &[u8]) {
    let open = "it is under way";
    let head = ResponseHead::new(200);
    evaluation.handle_response_head(id, head, NOW).expect(open);
    evaluation.handle_response_body(id, answer).expect(open);
    evaluation.handle_response_end(id, NOW).expect(open);
}

fn table(answer: &[u8]) -> Vec<u8> {
    with_evaluation(|evaluation, id| {
        read(evaluation, id, answer);
        evaluation.flags().expect("it fits").as_bytes().to_vec()
    })
}

#[divan::bench]
fn ask(bencher: Bencher<'_, '_>) {
    bencher.bench(|| {
        with_evaluation(|evaluation, id| evaluation.request(id).map(|it| it.body().len()))
    });
}

#[divan::bench(args = FLAGS)]
fn ask_and_read(bencher: Bencher<'_, '_>, flags: usize) {
    let answer = answer(flags);
    bencher
        .counter(BytesCount::new(answer.len()))
        .bench(|| with_evaluation(|evaluation, id| read(evaluation, id, black_box(&answer))));
}

#[divan::bench(args = FLAGS)]
fn read_by_serde_json(bencher: Bencher<'_, '_>, flags: usize) {
    let answer = answer(flags);
    bencher
        .counter(BytesCount::new(answer.len()))
        .bench(|| serde_json::from_slice::<serde_json::Value>(black_box(&answer)).is_ok());
}

/// The last flag, which costs most.
#[divan::bench(args = FLAGS)]
fn get_flag(bencher: Bencher<'_, '_>, flags: usize) {
    let (table, key) = (table(&answer(flags)), key(flags - 1));
    let flags = Flags::from_bytes(&table);
    bencher.bench(|| black_box(flags).is_enabled(black_box(&key)));
}

fn capture(bencher: Bencher<'_, '_>, event: &Event<'_>) {
    let (mut bytes, mut slots) = (vec![0; 1 << 20], vec![Slot::EMPTY; 128]);
    let config = Config::new("phc_test", [7; 16]);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        let storage = Storage::new(&mut bytes, &mut slots);
        let client = Client::new(config, storage, NOW);
        let mut client = client.expect("a good configuration");
        let captured = client.capture(black_box(event), NOW, &mut Ignore);
        captured.is_ok()
    });
}

#[divan::bench]
fn capture_feature_flag_called(bencher: Bencher<'_, '_>) {
    let table = table(&answer(50));
    let read = FlagRead::new(
        Flags::from_bytes(&table),
        "feature-number-49",
        "user-1",
        &[],
    );
    capture(bencher, &read.event());
}

#[divan::bench(args = FLAGS)]
fn capture_with_flags(bencher: Bencher<'_, '_>, flags: usize) {
    let table = table(&answer(flags));
    let event = Event::new("paid", "user-1").flags(Flags::from_bytes(&table));
    capture(bencher, &event);
}

use hoglet::*;
#[test]
fn smoke() {
    let mut storage = StorageArray::<8192, 32>::new();
    let mut config = Config::new("phc_test", [7; 16]);
    config.flush_at = 2;
    let t = Instant::from_millis;
    let mut c = Client::new(config, storage.storage(), t(0)).unwrap();
    c.set_wall_clock(1_700_000_000_000, t(0));
    let mut log = |r: Receipt<'_>| println!("{r:?}");
    let props = [
        ("plan", Value::from("pro")),
        ("n", 3.into()),
        ("$session_id", "s1".into()),
        ("$ignore_sent_at", "TRUE ".into()),
        ("$set", Value::Object(&[("a", Value::Bool(true))])),
    ];
    c.capture(
        &Event::new("signup", "u1")
            .properties(&props)
            .set(&[("a", Value::Null), ("b", 2.into())]),
        t(1),
        &mut log,
    )
    .unwrap();
    c.capture(
        &Event::new("b", "u1")
            .json(r#"{"x":1, "$lib":"no","y":[1,2]}"#)
            .timestamp("2025-01-02T08:34:05+05:30"),
        t(2),
        &mut log,
    )
    .unwrap();
    let Action::Send(id) = c.poll(t(3), &mut log) else {
        panic!()
    };
    let r = c.request(id).unwrap();
    for h in r.headers(Compression::None) {
        println!("{h}");
    }
    let body: Vec<u8> = r.body().concat();
    println!("{}", String::from_utf8(body).unwrap());
    c.handle_response(
        id,
        Response {
            head: ResponseHead {
                status: 503,
                retry_after: Some(b"2"),
                date: None,
            },
            body: b"",
        },
        t(5),
        &mut log,
    )
    .unwrap();
    println!("{:?}", c.poll(t(6), &mut log));
    let Action::Send(id) = c.poll(t(2005), &mut log) else {
        panic!()
    };
    c.handle_response(
        id,
        Response {
            head: ResponseHead {
                status: 200,
                retry_after: None,
                date: None,
            },
            body: br#"{"results":{}}"#,
        },
        t(2010),
        &mut log,
    )
    .unwrap();
    println!(
        "{:?} {:?} {}",
        c.poll(t(2011), &mut log),
        c.stats(),
        size_of::<Client>()
    );
}

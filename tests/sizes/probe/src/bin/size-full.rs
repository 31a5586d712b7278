//! The probe with hoglet: readings are captured and delivered, as V1, and everything else that the
//! API of a device has is used as well.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {
    println!("Built for a microcontroller, this is measured by `cargo sizes`.");
}

#[cfg(target_os = "none")]
mod firmware {
    use hoglet::{
        Action, Client, Config, Event, Instant, Receipt, RequestId, ResponseHead, StorageArray,
        TransportError, Value,
    };
    use size_probe::{receive, sense, transmit, uptime_ms};

    /// Bytes of the arena, and events in it. `cargo sizes` takes them off the RAM it reports.
    const ARENA_BYTES: usize = 2048;
    const ARENA_EVENTS: usize = 8;

    #[cortex_m_rt::entry]
    fn main() -> ! {
        static mut STORAGE: StorageArray<ARENA_BYTES, ARENA_EVENTS> = StorageArray::new();
        #[cfg(feature = "gzip")]
        static mut TABLE: hoglet::deflate::Table = [0; hoglet::deflate::TABLE_LEN];

        let mut seed = [0; 16];
        receive(&mut seed);
        let mut config = Config::new("phc_size_probe", seed);
        if cfg!(feature = "gzip") {
            config.compression = hoglet::Compression::Gzip;
        }
        #[cfg(feature = "os")]
        {
            config.is_server = true;
            config.os = Some(&hoglet::Os {
                name: "probe",
                version: "1",
            });
        }
        #[cfg(feature = "v0")]
        if sense() == 0 {
            config.capture_mode = hoglet::CaptureMode::V0;
        }
        let Ok(mut client) = Client::new(config, STORAGE.storage(), now()) else {
            loop {
                transmit(b"!");
            }
        };
        loop {
            capture(&mut client);
            #[cfg(feature = "text")]
            capture_text(&mut client);
            obey(&mut client);
            match client.poll(now(), &mut report) {
                Action::Send(id) => {
                    #[cfg(feature = "gzip")]
                    send(&client, id, TABLE);
                    #[cfg(not(feature = "gzip"))]
                    send(&client, id);
                    answer(&mut client, id);
                }
                Action::SleepUntil(at, _) => transmit(&at.as_millis().to_le_bytes()),
                Action::Idle => {}
            }
        }
    }

    fn now() -> Instant {
        Instant::from_millis(uptime_ms())
    }

    fn capture(client: &mut Client<'_>) {
        let properties = [
            ("millivolts", Value::from(sense())),
            (
                "celsius",
                Value::Fixed {
                    mantissa: i64::from(sense()),
                    decimals: 1,
                },
            ),
            ("open", Value::from(sense() != 0)),
            #[cfg(feature = "float")]
            ("ratio", Value::F64(f64::from_bits(uptime_ms()))),
        ];
        let event = Event::new("reading", "device").properties(&properties);
        #[cfg(feature = "persons")]
        let device = [("firmware", Value::from("1.0"))];
        #[cfg(feature = "persons")]
        let event = event.set(&device).groups(&[("site", "roof")]);
        if let Err(error) = client.capture(&event, now(), &mut report) {
            transmit(error.name().as_bytes());
        }
    }

    /// Captures an event whose properties are text that comes from elsewhere.
    #[cfg(feature = "text")]
    fn capture_text(client: &mut Client<'_>) {
        let mut buffer = [0; 64];
        let len = receive(&mut buffer);
        let event = Event::new("note", "device").json(buffer.get(..len).unwrap_or_default());
        let _ = client.capture(&event, now(), &mut report);
    }

    /// Does what a person at the device's console asks for.
    fn obey(client: &mut Client<'_>) {
        match sense() {
            1 => {
                let mark = client.flush(now());
                transmit(&[u8::from(client.is_flushed(mark))]);
            }
            2 => client.close(now().plus_ms(sense())),
            3 => client.set_wall_clock(uptime_ms(), now()),
            4 => {
                let stats = client.stats();
                for counter in [
                    stats.delivered(),
                    stats.queued,
                    stats.in_flight,
                    stats.ended(),
                ] {
                    transmit(&counter.to_le_bytes());
                }
            }
            #[cfg(feature = "flags")]
            6 => flag(client),
            #[cfg(feature = "leave")]
            5 => client.leave(sense(), now()),
            _ => transmit(&[u8::from(client.is_closed())]),
        }
    }

    /// Asks for one flag, reports that it was read, and attaches it to an event.
    #[cfg(feature = "flags")]
    #[inline(never)]
    fn flag(client: &mut Client<'_>) {
        use hoglet::{FlagEvaluation, FlagQuery, FlagRead, FlagTracker, FlagsAction, FlagsConfig};

        let config = FlagsConfig::new("phc_size_probe");
        let mut query = FlagQuery::new("device");
        query.keys = Some(&["new-valve"]);
        let (mut body, mut table, mut seen) = ([0; 200], [0; 200], [0; 4]);
        let Ok(mut evaluation) = FlagEvaluation::new(&config, &query, &mut body, &mut table, now())
        else {
            return;
        };
        loop {
            match evaluation.poll(now()) {
                FlagsAction::Send(id) => {
                    if let Some(request) = evaluation.request(id) {
                        transmit(request.method().as_bytes());
                        transmit(request.path().as_bytes());
                        for (name, value) in request.headers() {
                            transmit(name.as_bytes());
                            transmit(value.as_bytes());
                        }
                        transmit(request.body());
                    }
                    flag_answer(&mut evaluation, id);
                }
                FlagsAction::SleepUntil(at) => transmit(&at.as_millis().to_le_bytes()),
                FlagsAction::Done => break,
            }
        }
        let Ok(flags) = evaluation.flags() else {
            return;
        };
        let read = FlagRead::new(flags, "new-valve", "device", &[]);
        let mut tracker = FlagTracker::new(&mut seen);
        if tracker.insert(read.id()) && client.capture(&read.event(), now(), &mut report).is_err() {
            tracker.remove(read.id());
        }
        let event = Event::new("opened", "device").flags(flags);
        let _ = client.capture(&event, now(), &mut report);
        transmit(&[u8::from(read.is_enabled())]);
        #[cfg(feature = "flag-payloads")]
        if let Ok(Some(seconds)) = flags.get_flag_payload_as::<u32>("new-valve", &mut []) {
            transmit(&seconds.to_le_bytes());
        }
    }

    #[cfg(feature = "flags")]
    fn flag_answer(evaluation: &mut hoglet::FlagEvaluation<'_>, id: RequestId) {
        let mut buffer = [0; 64];
        let len = receive(&mut buffer);
        let Some(&[low, high]) = buffer.get(..len).and_then(|line| line.first_chunk()) else {
            let _ = evaluation.handle_failure(id, TransportError::Interrupted, now());
            return;
        };
        let head = ResponseHead {
            status: u16::from_le_bytes([low, high]),
            ..ResponseHead::default()
        };
        let _ = evaluation.handle_response_head(id, head, now());
        loop {
            let len = receive(&mut buffer);
            let piece = buffer.get(..len).unwrap_or_default();
            if len == 0
                || evaluation.handle_response_body(id, piece) != Ok(hoglet::BodyProgress::NeedsMore)
            {
                break;
            }
        }
        let _ = evaluation.handle_response_end(id, now());
    }

    /// Tells a person how an event ended.
    #[inline(never)]
    fn report(receipt: Receipt<'_>) {
        if !receipt.outcome.is_delivered() {
            transmit(receipt.uuid.as_bytes());
            transmit(receipt.outcome.name().as_bytes());
            transmit(&receipt.attempts.to_le_bytes());
        }
    }

    #[cfg(feature = "gzip")]
    fn send(client: &Client<'_>, id: RequestId, table: &mut hoglet::deflate::Table) {
        let Some(request) = client.request(id) else {
            return;
        };
        let mut body = request.body_encoder(table);
        send_head(&request, body.compression());
        transmit(&body.len().to_le_bytes());
        let mut piece = [0; 64];
        loop {
            let len = body.read(&request, &mut piece);
            if len == 0 {
                break;
            }
            transmit(piece.get(..len).unwrap_or_default());
        }
    }

    #[cfg(not(feature = "gzip"))]
    fn send(client: &Client<'_>, id: RequestId) {
        if let Some(request) = client.request(id) {
            send_head(&request, hoglet::Compression::None);
            let body = request.body();
            transmit(&body.len().to_le_bytes());
            body.pieces().into_iter().for_each(transmit);
        }
    }

    fn send_head(request: &hoglet::Request<'_>, encoding: hoglet::Compression) {
        transmit(request.method().as_bytes());
        transmit(request.path().as_bytes());
        for header in request.headers(encoding) {
            transmit(header.name.as_bytes());
            header.value().into_iter().for_each(transmit);
        }
    }

    /// What the client says to a late answer is ignored, as a host would.
    fn answer(client: &mut Client<'_>, id: RequestId) {
        let mut buffer = [0; 64];
        let len = receive(&mut buffer);
        let Some((&[low, high], retry_after)) =
            buffer.get(..len).and_then(|line| line.split_first_chunk())
        else {
            let _ = client.handle_failure(id, TransportError::Interrupted, now(), &mut report);
            return;
        };
        let status = u16::from_le_bytes([low, high]);
        let head = ResponseHead::read(status, Some(retry_after), Some(retry_after));
        let _ = client.handle_response_head(id, head, now());
        loop {
            let len = receive(&mut buffer);
            if len == 0 {
                break;
            }
            let _ =
                client.handle_response_body(id, buffer.get(..len).unwrap_or_default(), &mut report);
        }
        let _ = client.handle_response_end(id, now(), &mut report);
    }
}

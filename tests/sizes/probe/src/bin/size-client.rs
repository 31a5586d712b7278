//! The probe with hoglet: readings are captured and delivered, as V1.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {
    println!("Built for a microcontroller, this is measured by `cargo sizes`.");
}

#[cfg(target_os = "none")]
mod firmware {
    use hoglet::{
        Action, Client, Config, Event, Ignore, Instant, RequestId, ResponseHead, StorageArray,
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
        let Ok(mut client) = Client::new(config, STORAGE.storage(), now()) else {
            loop {
                transmit(b"!");
            }
        };
        loop {
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
            ];
            if client
                .capture(
                    &Event::new("reading", "device").properties(&properties),
                    now(),
                    &mut Ignore,
                )
                .is_err()
            {
                transmit(b"!");
            }
            if let Action::Send(id) = client.poll(now(), &mut Ignore) {
                #[cfg(feature = "gzip")]
                send(&client, id, TABLE);
                #[cfg(not(feature = "gzip"))]
                send(&client, id);
                answer(&mut client, id);
            }
        }
    }

    fn now() -> Instant {
        Instant::from_millis(uptime_ms())
    }

    #[cfg(feature = "gzip")]
    fn send(client: &Client<'_>, id: RequestId, table: &mut hoglet::deflate::Table) {
        let Some(request) = client.request(id) else {
            return;
        };
        let mut body = request.encoded(table);
        send_head(&request, body.compression());
        transmit(&body.len().to_le_bytes());
        let mut piece = [0; 64];
        loop {
            let len = body.read(&mut piece);
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
            transmit(&request.body_len().to_le_bytes());
            request.body().into_iter().for_each(transmit);
        }
    }

    fn send_head(request: &hoglet::Request<'_>, encoding: hoglet::Compression) {
        transmit(request.method().as_bytes());
        transmit(request.path().as_bytes());
        for header in request.headers(encoding) {
            transmit(header.name.as_bytes());
            header
                .value
                .into_iter()
                .map(str::as_bytes)
                .for_each(transmit);
        }
    }

    /// What the client says to a late answer is ignored, as a host would.
    fn answer(client: &mut Client<'_>, id: RequestId) {
        let mut buffer = [0; 64];
        let len = receive(&mut buffer);
        let Some((&[low, high], retry_after)) =
            buffer.get(..len).and_then(|line| line.split_first_chunk())
        else {
            let _ = client.handle_failure(id, TransportError::Interrupted, now(), &mut Ignore);
            return;
        };
        let head = ResponseHead {
            status: u16::from_le_bytes([low, high]),
            retry_after: Some(retry_after),
            date: Some(retry_after),
        };
        let _ = client.handle_response_head(id, head, now());
        loop {
            let len = receive(&mut buffer);
            if len == 0 {
                break;
            }
            let _ =
                client.handle_response_body(id, buffer.get(..len).unwrap_or_default(), &mut Ignore);
        }
        let _ = client.handle_response_end(id, now(), &mut Ignore);
    }
}

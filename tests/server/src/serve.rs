//! From a listener to connections.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::stream::{Allowance, Stream};
use super::{Shared, route};

/// Takes connections for as long as the runtime lives.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(why) => {
            eprintln!("capture server: cannot listen: {why}");
            return;
        }
    };
    loop {
        match listener.accept().await {
            Ok((tcp, _)) => {
                tokio::spawn(serve(tcp, Arc::clone(&shared)));
            }
            // Out of file descriptors, most likely: some will come back.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve(tcp: tokio::net::TcpStream, shared: Arc<Shared>) {
    // Only slower without.
    let _ = tcp.set_nodelay(true);
    let allowance = Allowance::unlimited();
    let stream = Stream {
        tcp,
        allowance: allowance.clone(),
    };
    let service =
        service_fn(move |request| route::handle(Arc::clone(&shared), allowance.clone(), request));
    // An error is a client that went away, or a cut that was asked for.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

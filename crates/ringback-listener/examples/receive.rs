//! Prints every callback that an account's registered URL is sent.
//!
//! `RINGBACK_SIGNING_SECRET=whsec_… cargo run --example receive`, and register `http://this-machine:9000/callbacks`.

use ringback_listener::{Callback, CallbackEvent, Check, Listener};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let check = Check::signature([std::env::var("RINGBACK_SIGNING_SECRET")?])?;
    let listener = Listener::new(check, |callback: Callback| async move {
        match &callback.message.event {
            CallbackEvent::FirmwareList(list) => println!("{} new firmware", list.len()),
            event => println!("{} of {}", event.kind(), callback.message.account_name),
        }
    });
    let router = axum::Router::new().route_service("/callbacks", listener);
    let socket = tokio::net::TcpListener::bind("127.0.0.1:9000").await?;
    Ok(axum::serve(socket, router).await?)
}

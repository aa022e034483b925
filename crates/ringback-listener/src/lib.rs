//! Receives the callbacks of Ringback, and of ThingSpace, whose Software Management Callbacks V1 Ringback speaks: a
//! [tower](https://docs.rs/tower) service, for axum, hyper and whatever else is built on it, that checks a callback, reads it, keeps
//! duplicates out and calls your `async` function.
//!
//! ```no_run
//! use ringback_listener::{Callback, CallbackEvent, Check, Listener};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let check = Check::signature([std::env::var("RINGBACK_SIGNING_SECRET")?])?;
//!     let listener = Listener::new(check, |callback: Callback| async move {
//!         match &callback.message.event {
//!             CallbackEvent::FirmwareList(list) => println!("{} new firmware", list.len()),
//!             CallbackEvent::UpgradeFinished(upgrade) => {
//!                 for device in upgrade.devices() {
//!                     println!("{:?}: {:?}", device.device_id, device.status);
//!                 }
//!             }
//!             event => println!("{} of {}", event.kind(), callback.message.account_name),
//!         }
//!     });
//!
//!     let router = axum::Router::new().route_service("/callbacks", listener);
//!     let socket = tokio::net::TcpListener::bind("127.0.0.1:9000").await?;
//!     Ok(axum::serve(socket, router).await?)
//! }
//! ```
//!
//! `ringback_client::Client::accounts` gives an account's key (`signing_key`), as the server does at
//! `/api/ringback/v1/accounts/{account}/signing-key`. In `Cargo.toml`, where Ringback's sources lie beside the program:
//!
//! ```toml
//! [dependencies]
//! ringback-listener = { path = "../ringback/crates/ringback-listener", features = ["catch-up"] }
//! ringback-client = { path = "../ringback/crates/ringback-client" } # to catch up, and to be given the key
//! axum = "0.8"
//! tokio = { version = "1", features = ["macros", "net", "rt-multi-thread"] }
//! ```
//!
//! # What is checked
//!
//! A listener can't be made without a [`Check`]:
//!
//! | callbacks of | check |
//! | --- | --- |
//! | Ringback | [`Check::signature`] with the account's key: `whsec_…`, or `whpk_…` where the server signs with `v1a` too |
//! | ThingSpace, or Ringback, registered with user name and password | [`Check::credentials`] |
//! | ThingSpace, registered without them | [`Check::unverified`], and something else that keeps strangers out |
//!
//! While a key is being rotated, give the old and the new one. A signature covers the `webhook-id`, the time of the attempt and the
//! body; not the headers that begin with `ringback-`. So whoever can copy a callback on its way (there is TLS against that)
//! can have it handled once more, by marking it as sent again, until it is too old (5 minutes).
//!
//! # What is answered
//!
//! | status | when | then Ringback |
//! | --- | --- | --- |
//! | 204 | the handler is done, now or earlier (a duplicate); a [`CallbackEvent::Ping`] too | counts it as delivered |
//! | 400 | the body is not a callback message, or broke off | sends it again, later each time |
//! | 401 | the check failed; the log says why, the answer does not | sends it again, later each time |
//! | 405 | the method is not POST | – |
//! | 408 | the body did not come in time ([`DEFAULT_BODY_TIMEOUT`]) | sends it again |
//! | 413 | the body is larger than [`DEFAULT_BODY_LIMIT`] | sends it again, later each time |
//! | 500 | the handler returned an error, or panicked | sends it again, later each time |
//! | 503 | too many handlers are running ([`DEFAULT_MAX_HANDLERS`]), or the [`SeenStore`] failed | holds the endpoint if it goes on; the message loses none of its attempts |
//!
//! There is no 415: the body is read as JSON, whatever its content type says. The path is not looked at. The reasons, as
//! values, are [`Rejection`] (before the handler) and [`Failure`]; both are logged with `tracing`.
//!
//! # Once, and at least once
//!
//! A message comes until it is answered with a 2xx, so it can come more than once. The listener tells by account,
//! `webhook-id` and `ringback-replay` ([`DeliveryKey`]):
//!
//! - What was handled is remembered, and answered with 204 without calling the handler. *Only* what was handled: after an
//!   error, a panic or a crash the message is handled when it comes again.
//! - A duplicate that comes while the handler runs waits for its result, and gets the same answer, a 500 too. It is not tried
//!   again there and then: the sender does that, in its own time.
//! - If who sent a message goes away, the handler runs to its end all the same, and the next attempt gets its result.
//! - It is remembered in memory, within bounds ([`MemoryStore`]), and a restart forgets it. Give a [`SeenStore`] to keep it
//!   elsewhere. A crash between the handler's end and that can still let a message through twice; if your handler's effect
//!   must happen once, let it write [`Callback::id`] in the same transaction.
//! - A person who sends a message again gets it handled again. A second replay of the same message within
//!   [`DEFAULT_REMEMBER_REPLAYS_FOR`] can't be told from a duplicate of the first, and is dropped.
//! - ThingSpace sends no `webhook-id`: each of its callbacks is handled.
//!
//! # What did not come
//!
//! An account's messages are numbered without gaps. [`Listener::gaps`] tells of numbers that were not handled for 60 s while
//! later ones were; one whose handler failed counts as missing until it succeeds. [`Listener::catch_up`] reads them back:
//! pending ones, and those that are dead or cancelled and would never come, each with its [`Callback::state`].
//!
#![cfg_attr(feature = "catch-up", doc = "```no_run")]
#![cfg_attr(not(feature = "catch-up"), doc = "```ignore")]
//! use ringback_client::Client;
//! use ringback_listener::{CatchUp, Listener};
//!
//! # async fn example(listener: Listener, client: Client, account: &str, kept: u64) {
//! // What came while this program was down. Keep `listener.position(account)` for the next time.
//! if let Err(error) = listener.catch_up(&mut CatchUp::new(&client, account).after(kept)).await {
//!     eprintln!("{error}");
//! }
//! // What is missed while it runs.
//! let gaps = listener.gaps();
//! loop {
//!     let gap = gaps.next().await;
//!     match listener.catch_up(&mut CatchUp::gap(&client, &gap)).await {
//!         Ok(sum) => println!("{gap}: {} handled, {} of them dead", sum.handled, sum.dead),
//!         Err(error) => eprintln!("{gap}: {error}"),
//!     }
//! }
//! # }
//! ```
//!
//! A gap is told once, and stays open until its numbers come, are read back or [settled](Listener::settle). A new process begins with
//! the first number that it sees, or with [`ListenerBuilder::resume`]. What is missing at the very end is not seen before
//! something comes behind it, but is read back by catching up. Where several listeners share an account's callbacks, each
//! sees the others' messages as gaps; catching up steps over what was delivered elsewhere.
//!
//! # Without tower
//!
//! [`receive`] is a plain function from headers and bytes to a [`CallbackMessage`]; [`Callback::read`] keeps the headers that belong
//! to the message, and [`Listener::deliver`] does the rest.
//!
//! # Features
//!
//! `catch-up` makes `ringback_client::Client` a [`PullSource`]. Without it, [`CatchUp`] reads from whatever else is one.

#![forbid(unsafe_code)]

mod builder;
mod callback;
mod catch_up;
mod check;
mod clock;
mod failure;
mod flights;
mod gap;
mod handler;
mod header_source;
mod listener;
mod rejection;
mod seen;
mod service;

pub use builder::{DEFAULT_BODY_LIMIT, DEFAULT_BODY_TIMEOUT, DEFAULT_MAX_HANDLERS, ListenerBuilder};
pub use callback::{Callback, MAX_ID_BYTES, receive};
pub use catch_up::{CatchUp, CatchUpError, CaughtUp, DEFAULT_PAGE, Found, Missed, PullSource, ReadError};
pub use check::{Check, CheckError};
pub use clock::{Clock, ManualClock, SystemClock};
pub use failure::Failure;
pub use gap::{
    DEFAULT_GAP_WAIT, DEFAULT_MAX_ACCOUNTS, DEFAULT_MAX_GAPS, Gap, GapDetector, GapSettings, Gaps,
};
pub use handler::{Handler, IntoOutcome};
pub use header_source::Headers;
pub use listener::Listener;
pub use rejection::Rejection;
pub use seen::{
    DEFAULT_REMEMBER_FOR, DEFAULT_REMEMBER_REPLAYS_FOR, DEFAULT_REMEMBERED, DeliveryKey, MemoryStore,
    SeenStore,
};
pub use service::ResponseFuture;

pub use ringback_wire::api::MessageState;
pub use ringback_wire::message::{
    CallbackEvent, CallbackMessage, Firmware, Upgrade, UpgradeDevice, UpgradeStatus,
};
pub use ringback_wire::signature::SignatureError;
pub use ringback_wire::trace::TraceParent;
pub use ringback_wire::{Secret, headers};

/// Any error of the application's, boxed.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

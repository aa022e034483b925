//! The Rust SDK for ThingSpace's Software Management Callbacks V1, and for Ringback, which serves the same API on machines of
//! your own.
//!
//! A whole program, which says where an account's firmware callbacks are to go:
//!
//! ```no_run
//! use ringback_client::models::{CallbackService, FotaV1CallbackRegistrationRequest};
//! use ringback_client::{Client, Credentials, Environment, Error, error_code};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let client = Client::builder()
//!         .environment(Environment::url("http://127.0.0.1:8080")) // or Environment::Production
//!         .credentials(Credentials::new().client("client id", "client secret").user("user name", "password"))
//!         .build()?;
//!     let callbacks = client.software_management_callbacks_v1();
//!     let account = "0242078689-00001";
//!
//!     let request = FotaV1CallbackRegistrationRequest {
//!         name: CallbackService::Fota.to_string(),
//!         url: "https://listener.example/callbacks".to_owned(),
//!         username: Some("listener".to_owned()),
//!         password: Some("a password that each callback bears".into()),
//!     };
//!     match callbacks.register_callback(account, &request).await {
//!         Ok(response) => println!("registered for {:?}", response.result.account_name),
//!         Err(Error::BadRequest { result, .. }) => eprintln!("{}: {}", result.error_code, result.error_message),
//!         Err(error) if error.has_code(error_code::ACCOUNT_NAME) => eprintln!("not your account"),
//!         Err(error) => return Err(error.into()),
//!     }
//!
//!     for registered in callbacks.list_registered_callbacks(account).await?.result {
//!         println!("{:?} goes to {:?}", registered.name, registered.url);
//!     }
//!
//!     callbacks.deregister_callback(account, CallbackService::Fota).await?;
//!     Ok(())
//! }
//! ```
//!
//! It needs a tokio runtime; without one, see `blocking` below. In `Cargo.toml`, where Ringback's sources lie beside the program:
//!
//! ```toml
//! [dependencies]
//! ringback-client = { path = "../ringback/crates/ringback-client" }
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//! futures-util = "0.3" # to publish a stream of messages
//! ```
//!
//! # The calls
//!
//! Each has an example and its errors where it is described.
//!
//! | group | calls |
//! | --- | --- |
//! | [`Client::software_management_callbacks_v1`], against ThingSpace and Ringback | [`list_registered_callbacks`](SoftwareManagementCallbacksV1::list_registered_callbacks), [`register_callback`](SoftwareManagementCallbacksV1::register_callback), [`deregister_callback`](SoftwareManagementCallbacksV1::deregister_callback) |
//! | [`Client::messages`], Ringback | [`publish`](Messages::publish), [`publish_batch`](Messages::publish_batch), [`publish_all`](Messages::publish_all), [`publish_channel`](Messages::publish_channel), [`search`](Messages::search), [`show`](Messages::show), [`replay`](Messages::replay), [`replay_account`](Messages::replay_account) |
//! | [`Client::accounts`], Ringback | [`list`](Accounts::list), [`show`](Accounts::show), [`ping`](Accounts::ping), [`check`](Accounts::check), [`pause`](Accounts::pause), [`resume`](Accounts::resume), [`catch_up`](Accounts::catch_up), [`pull`](Accounts::pull), [`ack`](Accounts::ack), [`signing_key`](Accounts::signing_key), [`rotate_signing_key`](Accounts::rotate_signing_key), [`restore_registration`](Accounts::restore_registration) |
//! | [`Client::credentials`], Ringback | [`list`](CredentialAdmin::list), [`create`](CredentialAdmin::create), [`rotate`](CredentialAdmin::rotate), [`grant`](CredentialAdmin::grant), [`unlock`](CredentialAdmin::unlock), [`revoke`](CredentialAdmin::revoke) |
//!
//! Each answers with an [`ApiResponse`]: the `result`, and the response's `status_code`, `headers` and `body`. Each group has
//! `with_options`, for calls with another time-out ([`RequestOptions`]). A call is cancelled by dropping its future; whether it
//! was done is then not known.
//!
//! # Settings
//!
//! [`ClientBuilder`] has them all. An [`Environment`] must be named: none is a default, and a program that forgot it does not
//! speak to production. [`ClientBuilder::from_env`] takes it and the [`Credentials`] from `RINGBACK_URL`, `RINGBACK_CLIENT_ID`,
//! `RINGBACK_CLIENT_SECRET`, `RINGBACK_USERNAME` and `RINGBACK_PASSWORD`, or credentials from what the published ThingSpace SDKs
//! read:
//!
//! ```no_run
//! use std::time::Duration;
//! use ringback_client::{Client, Proxy, RetrySettings};
//!
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder()
//!     .from_env()?
//!     .timeout(Duration::from_secs(20))
//!     .retry(RetrySettings::up_to(3))
//!     .proxy(Proxy::new("http://proxy.example:3128").login("name", "password"))
//!     .add_root_certificates(std::fs::read("our-root.pem")?)?
//!     .build()?;
//! # Ok(()) }
//! ```
//!
//! # Tokens
//!
//! The access token, and the session token where a call needs one, are got when they are first needed. Calls that need one at
//! the same time wait for one request. They are renewed before they end, and got anew once when a call is answered with 401.
//! Keep them over a restart with [`ClientBuilder::on_new_token`]:
//!
//! ```no_run
//! # use ringback_client::{ClientBuilder, NewToken};
//! # fn example(builder: ClientBuilder, keep: impl Fn(&str, &str) + Send + Sync + 'static) -> ClientBuilder {
//! builder.on_new_token(move |token| match token {
//!     NewToken::Access(access) => keep("access", access.token.expose()),
//!     NewToken::Session(session) => keep("session", session.expose()),
//!     _ => {}
//! })
//! # }
//! ```
//!
//! # Errors
//!
//! [`Error`] tells apart what can be done about it:
//!
//! | error | what it was | was it done? |
//! | --- | --- | --- |
//! | [`Error::InvalidArgument`] | an account or id of the wrong form; nothing was sent | no |
//! | [`Error::BadRequest`] | 400 with the API's code and message | no |
//! | [`Error::Status`] | another status, with code and message where the body has them | with 500 and above not known |
//! | [`Error::Authentication`] | no token was given, or none is taken | no |
//! | [`Error::Transport`], [`Error::Timeout`] | no connection, no answer, half an answer | not known |
//! | [`Error::UnreadableBody`], [`Error::BodyTooLarge`] | an answer that is not what it should be | with a 2xx yes |
//!
//! Compare codes with [`Error::has_code`] and the constants of [`error_code`]: ThingSpace puts a service's name before some.
//!
//! # Publishing
//!
//! A message always has an idempotency key, so that it can be sent again when it is not known what became of it. Many go as a
//! stream, in batches, no faster than the results are read:
//!
//! ```no_run
//! use ringback_client::models::{CallbackEvent, Firmware};
//! use ringback_client::{Client, InvalidArgument, OutgoingMessage, PublishSettings, RetrySettings};
//!
//! # async fn example(client: Client) -> Result<(), InvalidArgument> {
//! let firmware = Firmware { firmware_name: Some("FOTA_1.2".to_owned()), ..Firmware::default() };
//! let message = OutgoingMessage::new("0242078689-00001", CallbackEvent::FirmwareList(vec![firmware]))?;
//!
//! let messages = futures_util::stream::iter([message]);
//! let settings = PublishSettings::new().retry(RetrySettings::up_to(5));
//! let mut results = client.messages().publish_all(messages, settings);
//! while let Some(published) = results.next().await {
//!     match published.outcome {
//!         Ok(answer) => println!("{}: {:?}", answer.status, answer.id),
//!         Err(failure) => eprintln!("{failure}: {:?}", published.message.to_json()),
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! # What it never does
//!
//! It follows no redirect, so that credentials stay with the server they are for. It reads no more of an answer than
//! [`ClientBuilder::max_response_bytes`]. It sends nothing again unless [`RetrySettings`] say so, but for the one time after a
//! 401. `Debug` and error texts show no secret.
//!
//! # Features
//!
//! `blocking` (off by default) adds `blocking::Client`, the same calls for programs without an async runtime.

mod accounts;
#[cfg(feature = "blocking")]
pub mod blocking;
mod builder;
mod call;
mod callbacks;
mod client;
mod credential_admin;
mod credentials;
mod decode;
mod environment;
mod error;
mod http;
mod messages;
pub mod models;
mod options;
mod outgoing;
mod proxy;
mod publish;
mod response;
mod retry;
mod tls;
mod tokens;
mod wall_clock;

pub use accounts::Accounts;
pub use builder::ClientBuilder;
pub use callbacks::SoftwareManagementCallbacksV1;
pub use client::Client;
pub use credential_admin::CredentialAdmin;
pub use credentials::{AccessToken, Credentials};
pub use environment::Environment;
pub use error::{AuthenticationError, BuildError, Error, InvalidArgument};
pub use messages::Messages;
pub use options::RequestOptions;
pub use outgoing::OutgoingMessage;
pub use proxy::Proxy;
pub use publish::{PublishFailure, PublishSettings, PublishStream, Published};
pub use response::{ApiResponse, RawResponse};
pub use retry::{RETRY_STATUSES, RetrySettings};
pub use tokens::NewToken;

pub use reqwest;
pub use ringback_wire::trace::{InvalidTraceParent, TraceParent};
pub use ringback_wire::{Secret, error_code};

//! The client against servers that do as they like: right, wrong and hostile ones, on ports of this machine.

mod server;

#[cfg(feature = "blocking")]
mod blocking;
mod callbacks;
mod encrypted;
mod errors;
mod hostile;
mod publish;
mod redirects;
mod retries;
mod routes;
mod secrets;
mod tokens;

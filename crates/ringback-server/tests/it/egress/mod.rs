//! Where callbacks may go, at registration and at connection: a corpus of tricky hosts, and names that a DNS server of the
//! tests gives whatever meaning a story needs.

mod connecting;
mod corpus;
mod dns;
mod house;
mod names;
mod rebinding;
mod stub;

//! Several nodes on one PostgreSQL: each trouble that the docs speak of is made, under load, and afterwards the books are
//! as right as those of one server.
//!
//! Leases are short here, so that a story takes seconds; what depends on them is stated in terms of them.

mod frozen;
mod house;
mod lines;
mod nodes;
mod pooler;
mod primaries;

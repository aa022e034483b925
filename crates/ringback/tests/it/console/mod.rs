//! The console in a real browser, over the real program.

mod accessibility;
mod driver;
mod hand;
mod keyboard;
mod million;
mod scene;
mod story;
mod text;

//! The console in a real browser, over the real program.

mod driver;
mod keyboard;
mod million;
mod scene;
mod story;
mod text;

//! What the application does with a callback.

use std::pin::Pin;
use std::sync::Arc;

use crate::{BoxError, Callback};

/// What the application does with a callback. Any `async` closure or function that takes a [`Callback`] is one, whether it
/// returns nothing or a `Result<(), E>`.
///
/// It is called once for each message that has not yet been handled, in a task of its own: many at a time, and to its end
/// even if who sent the message has gone. It should be done within 15 s, which is how long Ringback waits for an answer: if it
/// takes longer the message comes again, and that attempt waits for the same call.
///
/// ```
/// use ringback_listener::{BoxError, Callback, Handler};
///
/// struct Printer;
///
/// impl Handler for Printer {
///     async fn handle(&self, callback: Callback) -> Result<(), BoxError> {
///         println!("{}: {}", callback.message.account_name, callback.message.event.kind());
///         Ok(())
///     }
/// }
/// ```
pub trait Handler: Send + Sync + 'static {
    /// Handles one callback. An error answers 500, and so does a panic: the message comes again.
    fn handle(&self, callback: Callback) -> impl Future<Output = Result<(), BoxError>> + Send;
}

impl<F, T> Handler for F
where
    F: Fn(Callback) -> T + Send + Sync + 'static,
    T: Future<Output: IntoOutcome> + Send,
{
    async fn handle(&self, callback: Callback) -> Result<(), BoxError> {
        self(callback).await.into_outcome()
    }
}

/// What a handler that is a closure may return: nothing, or a `Result` with any error.
pub trait IntoOutcome {
    /// As a result.
    ///
    /// # Errors
    /// The handler's own.
    fn into_outcome(self) -> Result<(), BoxError>;
}

impl IntoOutcome for () {
    fn into_outcome(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> IntoOutcome for Result<(), E> {
    fn into_outcome(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

type Handling = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// A handler whose type is forgotten. Not even its closure runs before the future is polled, so a panic of either is in
/// the future.
pub(crate) type AnyHandler = Arc<dyn Fn(Callback) -> Handling + Send + Sync>;

pub(crate) fn any(handler: impl Handler) -> AnyHandler {
    let handler = Arc::new(handler);
    Arc::new(move |callback| {
        let handler = Arc::clone(&handler);
        Box::pin(async move { handler.handle(callback).await })
    })
}

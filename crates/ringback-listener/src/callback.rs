//! One callback, from bytes to what a handler gets.

use std::fmt;

use bytes::Bytes;
use ringback_wire::account::is_account_name;
use ringback_wire::api::MessageState;
use ringback_wire::headers;
use ringback_wire::message::CallbackMessage;
use ringback_wire::trace::TraceParent;

use crate::{Check, DeliveryKey, Headers, Rejection};

/// The longest `webhook-id` that duplicates are told by, in bytes; Ringback's own have 30.
pub const MAX_ID_BYTES: usize = 256;

/// One callback: the message, and what its headers say. ThingSpace sends no such headers.
///
/// A header that can't be read is as if it were not there. `webhook-id` is covered by a signature; the headers that begin with
/// `ringback-`, and `traceparent`, are not. `Debug` shows neither the password nor the body.
#[derive(Clone)]
#[non_exhaustive]
pub struct Callback {
    /// What happened.
    pub message: CallbackMessage,
    /// The message's id, the same on every attempt (`webhook-id`).
    pub id: Option<String>,
    /// The message's number in its account, from 1 (`ringback-sequence`). A ping has none.
    pub sequence: Option<u64>,
    /// Which attempt it is, from 1 (`ringback-attempt`).
    pub attempt: Option<u64>,
    /// Whether a person had it sent again (`ringback-replay`).
    pub replay: bool,
    /// The trace that the message was published in, and the attempt's span in it, which is the parent of what the handler does
    /// (`traceparent`).
    pub trace: Option<TraceParent>,
    /// Where the message stood when it was read back with [`CatchUp`](crate::CatchUp); `None` for what was delivered here.
    /// One that is `Dead` or `Cancelled` would never have come.
    pub state: Option<MessageState>,
    /// The message as it came, byte for byte. It holds the registration's password.
    pub body: Bytes,
}

impl Callback {
    /// Checks and reads one request; `now` in Unix seconds. As [`receive`], with the headers that belong to the message.
    ///
    /// # Errors
    /// As [`receive`].
    pub fn read(
        headers: &(impl Headers + ?Sized),
        body: Bytes,
        check: &Check,
        now: i64,
    ) -> Result<Self, Rejection> {
        let message = receive(headers, &body, check, now)?;
        let number = |name| headers.value(name).and_then(|text| text.parse().ok());
        let id = headers.value(headers::WEBHOOK_ID).filter(|id| (1..=MAX_ID_BYTES).contains(&id.len()));
        Ok(Self {
            message,
            id: id.map(str::to_owned),
            sequence: number(headers::RINGBACK_SEQUENCE).filter(|sequence| *sequence > 0),
            attempt: number(headers::RINGBACK_ATTEMPT),
            replay: headers.value(headers::RINGBACK_REPLAY) == Some(headers::REPLAY_VALUE),
            trace: headers.value(headers::TRACEPARENT).and_then(|text| text.parse().ok()),
            state: None,
            body,
        })
    }

    /// What duplicates are told by. `None` without a `webhook-id`, or for an account's name that none can have: such a
    /// callback is handled each time it comes.
    #[must_use]
    pub fn key(&self) -> Option<DeliveryKey> {
        let account = self.account()?.to_owned();
        Some(DeliveryKey { account, id: self.id.clone()?, replay: self.replay })
    }

    /// The account, if its name has the right form. What is remembered for long is of these only, so that names can't fill
    /// the memory.
    pub(crate) fn account(&self) -> Option<&str> {
        Some(self.message.account_name.as_str()).filter(|name| is_account_name(name))
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback")
            .field("message", &self.message)
            .field("id", &self.id)
            .field("sequence", &self.sequence)
            .field("attempt", &self.attempt)
            .field("replay", &self.replay)
            .field("trace", &self.trace)
            .field("state", &self.state)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// Checks and reads one callback: for any framework, and for functions that are called once for each request.
///
/// `headers` and `body` are the request's, the body as the bytes that came; `now` is the time in Unix seconds. Answer any
/// 2xx once the message is dealt with, [`Rejection::status`] if it was refused, and 500 if dealing with it failed, so that it
/// comes again. This keeps nothing: a message that comes twice is given twice (its `webhook-id` tells).
///
/// ```
/// use ringback_listener::{receive, Check};
///
/// let check = Check::credentials("fota-user", "fota-pass")?;
/// let headers = [("Content-Type", "application/json")];
/// let body = br#"{"accountName":"0242078689-00001","type":"firmwareList","username":"fota-user","password":"fota-pass",
///     "firmwareList":[{"firmwareName":"FOTA_Verizon_Model-A_01To02_HF"}]}"#;
///
/// let message = receive(&headers, body, &check, 1_522_598_580)?;
/// assert_eq!(message.account_name, "0242078689-00001");
///
/// let rejection = receive(&headers, b"{}", &check, 1_522_598_580).unwrap_err();
/// assert_eq!(rejection.status(), 400);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Rejection::MissingHeader`], [`Rejection::Signature`] and [`Rejection::Credentials`] where the check fails, and
/// [`Rejection::Unreadable`]. A signature is checked before the body is read, credentials, which stand in it, after.
pub fn receive(
    headers: &(impl Headers + ?Sized),
    body: &[u8],
    check: &Check,
    now: i64,
) -> Result<CallbackMessage, Rejection> {
    check.signed(headers, body, now)?;
    let message = CallbackMessage::parse(body).map_err(Rejection::Unreadable)?;
    check.knows(&message)?;
    Ok(message)
}

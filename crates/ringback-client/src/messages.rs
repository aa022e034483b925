//! Ringback's messages, from the platform's side and the operator's: publish, search, show, replay.

use futures_util::Stream;
use http::Method;
use ringback_wire::api::{MessageList, MessageSearch, MessageView, ReplayAnswer, ReplayRequest};
use ringback_wire::publish::{NdjsonLine, PublishAnswer};
use ringback_wire::routes::{ACCOUNT_REPLAY_PATH, MESSAGE_PATH, MESSAGE_REPLAY_PATH, MESSAGES_PATH};

use crate::call::{Call, account_path, check_account, id_path};
use crate::publish::{PublishSettings, PublishStream, batch};
use crate::{ApiResponse, Client, Error, OutgoingMessage, RequestOptions};

/// Ringback's messages. From [`Client::messages`].
///
/// The calls need no session. Their errors: [`Error::BadRequest`] and [`Error::Status`] with the API's code and message,
/// [`Error::Authentication`], [`Error::Transport`], [`Error::Timeout`], [`Error::UnreadableBody`], [`Error::BodyTooLarge`], and
/// [`Error::InvalidArgument`] before anything is sent.
#[derive(Debug, Clone)]
pub struct Messages {
    client: Client,
    options: RequestOptions,
}

impl Messages {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, options: RequestOptions::default() }
    }

    /// The same calls with other options.
    #[must_use]
    pub fn with_options(mut self, options: RequestOptions) -> Self {
        self.options = options;
        self
    }

    /// Publishes one message. With the client's retries on it is sent again, which its idempotency key makes harmless.
    ///
    /// `Queued` and `Duplicate` mean that it is on stable storage; `Unregistered` that nobody wants it and it is not kept.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// use ringback_client::OutgoingMessage;
    /// use ringback_client::models::{CallbackEvent, Firmware};
    ///
    /// let firmware = Firmware { firmware_name: Some("FOTA_1.2".to_owned()), ..Firmware::default() };
    /// let message = OutgoingMessage::new("0242078689-00001", CallbackEvent::FirmwareList(vec![firmware]))?;
    /// let answer = client.messages().publish(&message).await?.result;
    /// println!("{} {:?}", answer.status, answer.id);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`Messages`]. Where [`Error::is_outcome_unknown`] says so (503, no answer), publish the same
    /// message again. 409 with [`IDEMPOTENCY_KEY_CONFLICT`](ringback_wire::error_code::IDEMPOTENCY_KEY_CONFLICT): the key was
    /// used for another message. 429: the account has as many messages pending as it may.
    pub async fn publish(&self, message: &OutgoingMessage) -> Result<ApiResponse<PublishAnswer>, Error> {
        let call = Call::new(Method::POST, MESSAGES_PATH.to_owned());
        let call = call.body("application/json", message.to_json()).repeatable();
        self.client.read(&call, &self.options).await
    }

    /// Publishes messages in one request, 10,000 and 16 MiB at most, and gives what became of each, in their order. One that is
    /// wrong fails alone; after the first 429 or 503 all the following get it too.
    ///
    /// ```no_run
    /// # async fn example(
    /// #     client: ringback_client::Client,
    /// #     messages: Vec<ringback_client::OutgoingMessage>,
    /// # ) -> Result<(), ringback_client::Error> {
    /// for line in client.messages().publish_batch(&messages).await?.result {
    ///     println!("message {}: {} {:?}", line.line, line.code, line.outcome);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`Messages`]. [`Error::InvalidArgument`] for no message, or too many for one request.
    pub async fn publish_batch(
        &self,
        messages: &[OutgoingMessage],
    ) -> Result<ApiResponse<Vec<NdjsonLine>>, Error> {
        let call = batch::call(messages)?;
        let response = self.client.call(&call, &self.options).await?;
        let lines = batch::read(&call.name(), &response, messages.len())?;
        Ok(ApiResponse::new(lines, &response))
    }

    /// Publishes any number of messages, in batches, one request at a time, and gives what became of each, in their order.
    ///
    /// Nothing runs by itself: messages are taken from the stream, and batches sent, while the results are asked for. So a slow
    /// reader of the results slows the source down; and one that stops at the first failure has published nothing after that
    /// failure's batch. For a channel, see [`Messages::publish_channel`].
    ///
    /// ```no_run
    /// # async fn example(
    /// #     client: ringback_client::Client,
    /// #     messages: Vec<ringback_client::OutgoingMessage>,
    /// # ) -> Result<(), ringback_client::Error> {
    /// use ringback_client::{PublishSettings, RetrySettings};
    ///
    /// let settings = PublishSettings::new().retry(RetrySettings::up_to(5));
    /// let mut results = client.messages().publish_all(futures_util::stream::iter(messages), settings);
    /// while let Some(published) = results.next().await {
    ///     match published.outcome {
    ///         Ok(answer) => println!("{} {:?}", published.message.idempotency_key(), answer.id),
    ///         Err(failure) => eprintln!("{}: {failure}", published.message.idempotency_key()),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// None as a whole: each message has its own [`crate::PublishFailure`], which a failed request gives to all of its batch.
    pub fn publish_all<S>(&self, messages: S, settings: PublishSettings) -> PublishStream
    where
        S: Stream<Item = OutgoingMessage> + Send + 'static,
    {
        PublishStream::new(self.client.clone(), self.options, messages, settings)
    }

    /// [`Messages::publish_all`] of what comes through a channel, until its senders are gone. The channel's capacity is the
    /// backpressure; a batch is what has gathered in it while the last one was out.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client, message: ringback_client::OutgoingMessage) {
    /// use ringback_client::PublishSettings;
    ///
    /// let (sender, receiver) = tokio::sync::mpsc::channel(1_000);
    /// let mut results = client.messages().publish_channel(receiver, PublishSettings::new());
    /// let reader = tokio::spawn(async move {
    ///     while let Some(published) = results.next().await {
    ///         println!("{:?}", published.outcome);
    ///     }
    /// });
    /// sender.send(message).await.expect("the reader is there");
    /// drop(sender);
    /// reader.await.expect("all results were read");
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Messages::publish_all`].
    pub fn publish_channel(
        &self,
        mut messages: tokio::sync::mpsc::Receiver<OutgoingMessage>,
        settings: PublishSettings,
    ) -> PublishStream {
        self.publish_all(futures_util::stream::poll_fn(move |context| messages.poll_recv(context)), settings)
    }

    /// Searches messages; newest first, a page at a time.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// use ringback_client::models::{MessageSearch, MessageState};
    ///
    /// let mut search = MessageSearch { state: Some(MessageState::Dead), ..MessageSearch::default() };
    /// loop {
    ///     let page = client.messages().search(&search).await?.result;
    ///     for message in &page.messages {
    ///         println!("{} {} {}", message.account, message.sequence, message.id);
    ///     }
    ///     if page.next.is_none() {
    ///         break;
    ///     }
    ///     search.cursor = page.next;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`Messages`]. [`Error::InvalidArgument`] for an account that is of no account's form.
    pub async fn search(&self, search: &MessageSearch) -> Result<ApiResponse<MessageList>, Error> {
        search.account.as_deref().map_or(Ok(()), check_account)?;
        let call = Call::new(Method::GET, MESSAGES_PATH.to_owned()).query(search)?;
        self.client.read(&call, &self.options).await
    }

    /// One message with everything that was tried for it.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client, id: &str) -> Result<(), ringback_client::Error> {
    /// let message = client.messages().show(id).await?.result;
    /// for attempt in message.attempts.unwrap_or_default() {
    ///     println!("{} {:?} {:?}", attempt.started_at, attempt.status, attempt.error);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`Messages`]. [`Error::Status`] with 404 for one that there is not, or that is another's.
    pub async fn show(&self, id: &str) -> Result<ApiResponse<MessageView>, Error> {
        let call = Call::new(Method::GET, id_path(MESSAGE_PATH, "id", id)?);
        self.client.read(&call, &self.options).await
    }

    /// Sends one message again.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client, id: &str) -> Result<(), ringback_client::Error> {
    /// client.messages().replay(id).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`Messages`]. [`Error::Status`] with 409 where nothing is registered.
    pub async fn replay(&self, id: &str) -> Result<ApiResponse<ReplayAnswer>, Error> {
        let call = Call::new(Method::POST, id_path(MESSAGE_REPLAY_PATH, "id", id)?);
        self.client.read(&call, &self.options).await
    }

    /// Sends an account's messages again, or counts them: by default those that are dead.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// use ringback_client::models::ReplayRequest;
    ///
    /// let only_count = ReplayRequest { dry_run: true, ..ReplayRequest::default() };
    /// let answer = client.messages().replay_account("0242078689-00001", &only_count).await?.result;
    /// println!("{} messages are dead", answer.count);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Messages::replay`]. [`Error::InvalidArgument`] for an account of the wrong form.
    pub async fn replay_account(
        &self,
        account: &str,
        request: &ReplayRequest,
    ) -> Result<ApiResponse<ReplayAnswer>, Error> {
        let call = Call::new(Method::POST, account_path(ACCOUNT_REPLAY_PATH, account)?);
        self.client.read(&call.json(request)?, &self.options).await
    }
}

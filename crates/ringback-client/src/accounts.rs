//! Ringback's accounts, as their owners and operators handle them.

use std::time::Duration;

use http::Method;
use ringback_wire::api::{
    AccountList, AccountView, AckAnswer, AckRequest, CatchUpPage, CheckAnswer, MAX_WAIT_SECONDS, PingAnswer,
    PullAnswer, PullRequest, SigningKeyAnswer, SigningKeyRotateRequest,
};
use ringback_wire::routes::{
    ACCOUNT_ACK_PATH, ACCOUNT_CHECK_PATH, ACCOUNT_MESSAGES_PATH, ACCOUNT_PATH, ACCOUNT_PAUSE_PATH,
    ACCOUNT_PING_PATH, ACCOUNT_PULL_PATH, ACCOUNT_RESUME_PATH, ACCOUNTS_PATH, REGISTRATION_RESTORE_PATH,
    SIGNING_KEY_PATH, SIGNING_KEY_ROTATE_PATH,
};
use serde::Serialize;

use crate::call::{Call, account_path};
use crate::{ApiResponse, Client, Error, InvalidArgument, RequestOptions};

/// Ringback's accounts. From [`Client::accounts`].
///
/// The calls need no session. Their errors: [`Error::BadRequest`] and [`Error::Status`] with the API's code and message (404
/// for an account that there is not, or that is another's), [`Error::Authentication`], [`Error::Transport`],
/// [`Error::Timeout`], [`Error::UnreadableBody`], [`Error::BodyTooLarge`], and [`Error::InvalidArgument`] for an account that is
/// not in the form `##########-#####`, before anything is sent.
#[derive(Debug, Clone)]
pub struct Accounts {
    client: Client,
    options: RequestOptions,
}

#[derive(Serialize)]
struct ListQuery<'a> {
    cursor: Option<&'a str>,
}

#[derive(Serialize)]
struct CatchUpQuery {
    after: u64,
    limit: Option<u32>,
    wait: Option<u64>,
}

impl Accounts {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, options: RequestOptions::default() }
    }

    /// The same calls with other options.
    #[must_use]
    pub fn with_options(mut self, options: RequestOptions) -> Self {
        self.options = options;
        self
    }

    /// The credential's accounts, a page at a time: first with no cursor, then with the last page's `next`.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// let page = client.accounts().list(None).await?.result;
    /// for account in page.accounts {
    ///     println!("{}: {}", account.account, account.lane);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`Accounts`].
    pub async fn list(&self, cursor: Option<&str>) -> Result<ApiResponse<AccountList>, Error> {
        let call = Call::new(Method::GET, ACCOUNTS_PATH.to_owned()).query(&ListQuery { cursor })?;
        self.client.read(&call, &self.options).await
    }

    /// One account: its registration, what its lane is doing, its counts.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// let account = client.accounts().show("0242078689-00001").await?.result;
    /// println!("{}; {} pending", account.lane, account.counts.pending);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`Accounts`].
    pub async fn show(&self, account: &str) -> Result<ApiResponse<AccountView>, Error> {
        self.client.read(&Call::new(Method::GET, account_path(ACCOUNT_PATH, account)?), &self.options).await
    }

    /// Sends a test message to the registered URL, outside the ledger.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// let ping = client.accounts().ping("0242078689-00001").await?.result;
    /// println!("answered {:?} after {} ms", ping.status, ping.duration_ms);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`Accounts`]. That the endpoint failed is an answer, not an error.
    pub async fn ping(&self, account: &str) -> Result<ApiResponse<PingAnswer>, Error> {
        self.client.read(&post(ACCOUNT_PING_PATH, account)?, &self.options).await
    }

    /// Tries the registered URL and says what was found on the way; a success releases the lane. Once in 10 seconds at most.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// let found = client.accounts().check("0242078689-00001").await?.result;
    /// if let Some(error) = found.error {
    ///     println!("it does not work: {error}");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`Accounts`]. That the endpoint failed is an answer, not an error.
    pub async fn check(&self, account: &str) -> Result<ApiResponse<CheckAnswer>, Error> {
        self.client.read(&post(ACCOUNT_CHECK_PATH, account)?, &self.options).await
    }

    /// Holds an account's lane: messages are accepted and not sent.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// client.accounts().pause("0242078689-00001").await?;
    /// client.accounts().resume("0242078689-00001").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`Accounts`].
    pub async fn pause(&self, account: &str) -> Result<ApiResponse<()>, Error> {
        self.client.done(&post(ACCOUNT_PAUSE_PATH, account)?, &self.options).await
    }

    /// Releases an account's lane, whether it was paused, on hold or suspended. See [`Accounts::pause`] for an example.
    ///
    /// # Errors
    /// As for all calls here; see [`Accounts`].
    pub async fn resume(&self, account: &str) -> Result<ApiResponse<()>, Error> {
        self.client.done(&post(ACCOUNT_RESUME_PATH, account)?, &self.options).await
    }

    /// An account's own messages after a sequence number, in sequence, `limit` at most. With `wait`, in whole seconds and 60 at
    /// most, the server answers as soon as there is one, or empty after that time, which the time-out leaves room for.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client, mut after: u64) -> Result<(), ringback_client::Error> {
    /// use std::time::Duration;
    /// use ringback_client::models::CallbackMessage;
    ///
    /// let accounts = client.accounts();
    /// accounts.pull("0242078689-00001", true).await?;
    /// loop {
    ///     let wait = Some(Duration::from_secs(30));
    ///     let page = accounts.catch_up("0242078689-00001", after, Some(100), wait).await?.result;
    ///     for message in &page.messages {
    ///         println!("{} {:?}", message.sequence, CallbackMessage::parse(message.message.get().as_bytes()));
    ///         after = message.sequence;
    ///     }
    ///     accounts.ack("0242078689-00001", after).await?;
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`Accounts`]. [`Error::InvalidArgument`] for a wait of more than 60 seconds.
    pub async fn catch_up(
        &self,
        account: &str,
        after: u64,
        limit: Option<u32>,
        wait: Option<Duration>,
    ) -> Result<ApiResponse<CatchUpPage>, Error> {
        let wait_seconds = wait.map(|wait| wait.as_secs());
        if wait_seconds.is_some_and(|seconds| seconds > MAX_WAIT_SECONDS) {
            let problem = format!("must be {MAX_WAIT_SECONDS} seconds at most");
            return Err(InvalidArgument::new("wait", problem).into());
        }
        let call = Call::new(Method::GET, account_path(ACCOUNT_MESSAGES_PATH, account)?)
            .query(&CatchUpQuery { after, limit, wait: wait_seconds })?
            .server_wait(wait.unwrap_or_default());
        self.client.read(&call, &self.options).await
    }

    /// Switches on, or off, that messages are kept for the account without a registered URL. See [`Accounts::catch_up`] for an
    /// example.
    ///
    /// # Errors
    /// As for all calls here; see [`Accounts`].
    pub async fn pull(&self, account: &str, enabled: bool) -> Result<ApiResponse<PullAnswer>, Error> {
        let call = Call::new(Method::PUT, account_path(ACCOUNT_PULL_PATH, account)?);
        self.client.read(&call.json(&PullRequest { enabled })?, &self.options).await
    }

    /// Marks every pending message through a sequence number as delivered, whether pull is on or off. See [`Accounts::catch_up`]
    /// for an example.
    ///
    /// # Errors
    /// As for all calls here; see [`Accounts`]. [`Error::BadRequest`] for a number beyond the last message.
    pub async fn ack(&self, account: &str, through: u64) -> Result<ApiResponse<AckAnswer>, Error> {
        let call = post(ACCOUNT_ACK_PATH, account)?.json(&AckRequest { through })?;
        self.client.read(&call, &self.options).await
    }

    /// What the account's deliveries are signed with. `Debug` does not show it.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// let key = client.accounts().signing_key("0242078689-00001").await?.result;
    /// println!("check deliveries with {}", key.public_key);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`Accounts`].
    pub async fn signing_key(&self, account: &str) -> Result<ApiResponse<SigningKeyAnswer>, Error> {
        let call = Call::new(Method::GET, account_path(SIGNING_KEY_PATH, account)?);
        self.client.read_secret(&call, &self.options).await
    }

    /// Makes a new signing key. The old one goes on signing beside it for `overlap`, in whole seconds; for as long as the server
    /// says where none is given.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// let overlap = Some(std::time::Duration::from_secs(24 * 60 * 60));
    /// let key = client.accounts().rotate_signing_key("0242078689-00001", overlap).await?.result;
    /// println!("{} earlier keys are in use", key.previous.len());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`Accounts`].
    pub async fn rotate_signing_key(
        &self,
        account: &str,
        overlap: Option<Duration>,
    ) -> Result<ApiResponse<SigningKeyAnswer>, Error> {
        let request = SigningKeyRotateRequest { overlap_seconds: overlap.map(|overlap| overlap.as_secs()) };
        let call = post(SIGNING_KEY_ROTATE_PATH, account)?.json(&request)?;
        self.client.read_secret(&call, &self.options).await
    }

    /// Brings back the registration that the present one replaced, if nothing changed since. Done once more, that is taken back.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// client.accounts().restore_registration("0242078689-00001").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`Accounts`]. [`Error::Status`] with 409 and
    /// [`REGISTRATION_NOT_RESTORABLE`](ringback_wire::error_code::REGISTRATION_NOT_RESTORABLE) if it can't be.
    pub async fn restore_registration(&self, account: &str) -> Result<ApiResponse<()>, Error> {
        self.client.done(&post(REGISTRATION_RESTORE_PATH, account)?, &self.options).await
    }
}

fn post(template: &str, account: &str) -> Result<Call, InvalidArgument> {
    Ok(Call::new(Method::POST, account_path(template, account)?))
}

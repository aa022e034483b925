//! Software Management Callbacks V1 (contract, section 2): the three operations that ThingSpace and Ringback have alike.

use http::Method;
use ringback_wire::routes::{CALLBACKS_PATH, callback_path};
use ringback_wire::v1::{
    CallbackService, FotaV1CallbackRegistrationRequest, FotaV1CallbackRegistrationResult,
    FotaV1SuccessResult, RegisteredCallbacks,
};
use serde::de::DeserializeOwned;

use crate::call::{Call, account_path, check_account};
use crate::{ApiResponse, Client, Error, RequestOptions, decode};

/// Where an account's callbacks go. From [`Client::software_management_callbacks_v1`].
///
/// All calls need a session. Their errors: [`Error::BadRequest`] and [`Error::Status`] with the API's code and message,
/// [`Error::Authentication`], [`Error::Transport`], [`Error::Timeout`], [`Error::UnreadableBody`], [`Error::BodyTooLarge`], and
/// [`Error::InvalidArgument`] for an account that is not in the form `##########-#####`, before anything is sent.
#[derive(Debug, Clone)]
pub struct SoftwareManagementCallbacksV1 {
    client: Client,
    options: RequestOptions,
}

impl SoftwareManagementCallbacksV1 {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, options: RequestOptions::default() }
    }

    /// The same calls with other options.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// use std::time::Duration;
    /// use ringback_client::RequestOptions;
    ///
    /// let quick = RequestOptions::new().timeout(Duration::from_secs(5));
    /// let callbacks = client.software_management_callbacks_v1().with_options(quick);
    /// callbacks.list_registered_callbacks("0242078689-00001").await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_options(mut self, options: RequestOptions) -> Self {
        self.options = options;
        self
    }

    /// Lists where an account's callbacks go: nothing, or one registration for each service.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// let callbacks = client.software_management_callbacks_v1();
    /// let response = callbacks.list_registered_callbacks("0242078689-00001").await?;
    /// for registered in response.result {
    ///     println!("{:?} goes to {:?}", registered.name, registered.url);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`SoftwareManagementCallbacksV1`]. An empty 200 is an empty list.
    pub async fn list_registered_callbacks(
        &self,
        account: &str,
    ) -> Result<ApiResponse<Vec<RegisteredCallbacks>>, Error> {
        let call = Call::new(Method::GET, account_path(CALLBACKS_PATH, account)?).with_session();
        let response = self.client.call(&call, &self.options).await?;
        if response.body().trim_ascii().is_empty() {
            return Ok(ApiResponse::new(Vec::new(), &response));
        }
        // One may hold a password.
        let result = decode::secret(&call.name(), &response)?;
        Ok(ApiResponse::new(result, &response))
    }

    /// Registers the URL that an account's callbacks go to. **It replaces** the registration that there is.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// use ringback_client::error_code;
    /// use ringback_client::models::{CallbackService, FotaV1CallbackRegistrationRequest};
    ///
    /// let request = FotaV1CallbackRegistrationRequest {
    ///     name: CallbackService::Fota.to_string(),
    ///     url: "https://listener.example/callbacks".to_owned(),
    ///     username: Some("listener".to_owned()),
    ///     password: Some("a password".into()),
    /// };
    /// match client.software_management_callbacks_v1().register_callback("0242078689-00001", &request).await {
    ///     Ok(response) => println!("registered {:?}", response.result.account_name),
    ///     Err(error) if error.has_code(error_code::CALLBACK_URL_INVALID) => eprintln!("not that URL: {error}"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`SoftwareManagementCallbacksV1`]. A URL that may not be called is a
    /// [`Error::BadRequest`] with [`CALLBACK_URL_INVALID`](ringback_wire::error_code::CALLBACK_URL_INVALID).
    pub async fn register_callback(
        &self,
        account: &str,
        request: &FotaV1CallbackRegistrationRequest,
    ) -> Result<ApiResponse<FotaV1CallbackRegistrationResult>, Error> {
        let call = Call::new(Method::POST, account_path(CALLBACKS_PATH, account)?);
        self.read(&call.with_session().json(request)?).await
    }

    /// Stops an account's callbacks.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// use ringback_client::models::CallbackService;
    ///
    /// let callbacks = client.software_management_callbacks_v1();
    /// let response = callbacks.deregister_callback("0242078689-00001", CallbackService::Fota).await?;
    /// assert_eq!(response.result.success, Some(true));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`SoftwareManagementCallbacksV1`]. Where nothing is registered, Ringback answers with a
    /// [`Error::BadRequest`] with [`CALLBACK_NOT_REGISTERED`](ringback_wire::error_code::CALLBACK_NOT_REGISTERED).
    pub async fn deregister_callback(
        &self,
        account: &str,
        service: CallbackService,
    ) -> Result<ApiResponse<FotaV1SuccessResult>, Error> {
        check_account(account)?;
        let path = callback_path(account, service.as_str());
        self.read(&Call::new(Method::DELETE, path).with_session()).await
    }

    async fn read<T: DeserializeOwned>(&self, call: &Call) -> Result<ApiResponse<T>, Error> {
        self.client.read(call, &self.options).await
    }
}

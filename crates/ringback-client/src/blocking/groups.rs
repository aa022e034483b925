//! The blocking groups: each call as its async one has it.

use std::time::Duration;

use ringback_wire::api::{
    AccountList, AccountView, AckAnswer, CatchUpPage, CheckAnswer, CredentialCreateRequest,
    CredentialCreated, CredentialList, CredentialView, MessageList, MessageSearch, MessageView, PingAnswer,
    PullAnswer, ReplayAnswer, ReplayRequest, Scope, SigningKeyAnswer,
};
use ringback_wire::v1::{
    CallbackService, FotaV1CallbackRegistrationRequest, FotaV1CallbackRegistrationResult,
    FotaV1SuccessResult, RegisteredCallbacks,
};

use super::group::blocking_group;
use super::runtime::Driver;
use crate::{ApiResponse, Error, RequestOptions};

blocking_group! {
    SoftwareManagementCallbacksV1 {
        fn list_registered_callbacks(&self, account: &str) -> Vec<RegisteredCallbacks>;
        fn register_callback(
            &self, account: &str, request: &FotaV1CallbackRegistrationRequest
        ) -> FotaV1CallbackRegistrationResult;
        fn deregister_callback(&self, account: &str, service: CallbackService) -> FotaV1SuccessResult;
    }
}

blocking_group! {
    Messages {
        fn search(&self, search: &MessageSearch) -> MessageList;
        fn show(&self, id: &str) -> MessageView;
        fn replay(&self, id: &str) -> ReplayAnswer;
        fn replay_account(&self, account: &str, request: &ReplayRequest) -> ReplayAnswer;
    }
}

blocking_group! {
    Accounts {
        fn list(&self, cursor: Option<&str>) -> AccountList;
        fn show(&self, account: &str) -> AccountView;
        fn ping(&self, account: &str) -> PingAnswer;
        fn check(&self, account: &str) -> CheckAnswer;
        fn pause(&self, account: &str) -> ();
        fn resume(&self, account: &str) -> ();
        fn catch_up(
            &self, account: &str, after: u64, limit: Option<u32>, wait: Option<Duration>
        ) -> CatchUpPage;
        fn pull(&self, account: &str, enabled: bool) -> PullAnswer;
        fn ack(&self, account: &str, through: u64) -> AckAnswer;
        fn signing_key(&self, account: &str) -> SigningKeyAnswer;
        fn rotate_signing_key(&self, account: &str, overlap: Option<Duration>) -> SigningKeyAnswer;
        fn restore_registration(&self, account: &str) -> ();
    }
}

blocking_group! {
    CredentialAdmin {
        fn list(&self) -> CredentialList;
        fn create(&self, request: &CredentialCreateRequest) -> CredentialCreated;
        fn rotate(&self, client_id: &str, overlap: Duration) -> CredentialCreated;
        fn grant(&self, client_id: &str, accounts: &[&str], scopes: &[Scope]) -> CredentialView;
        fn unlock(&self, client_id: &str) -> CredentialView;
        fn revoke(&self, client_id: &str) -> ();
    }
}

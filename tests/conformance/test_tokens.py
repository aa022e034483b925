"""The bearer token and the session, as the SDK gets them (contract, section 1)."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest
from apimatic_core.exceptions.auth_validation_exception import AuthValidationException
from verizon.exceptions.api_exception import APIException
from verizon.exceptions.connectivity_management_result_exception import ConnectivityManagementResultException
from verizon.exceptions.oauth_provider_exception import OauthProviderException
from verizon.models.log_in_request import LogInRequest
from verizon.models.oauth_token import OauthToken

import sdk
from documented import LIST_ACCOUNT
from plain import bearer, call
from service import Credential, Service

FAILURES_UNTIL_LOCKED = 5


def test_the_sdk_gets_one_bearer_token_by_itself_and_goes_on_using_it(owner: Credential) -> None:
    tokens: list[OauthToken] = []
    session = sdk.log_in(owner)
    client = sdk.client(owner, session, on_token=tokens.append)
    for _ in range(3):
        client.software_management_callbacks_v1.list_registered_callbacks(LIST_ACCOUNT)
    assert len({token.access_token for token in tokens}) == 1
    assert tokens[0].token_type == "Bearer"
    assert tokens[0].expires_in == 3600


def test_a_token_request_may_bear_scopes_and_fields_that_nobody_knows(owner: Credential) -> None:
    client = sdk.client(owner)
    answer = client.oauth_authorization.request_token_thingspace_oauth(
        client.thingspace_oauth.build_basic_auth_header(), "ts.mec.fullaccess edge", {"resource": "https://example.com"}
    )
    assert answer.status_code == 200
    assert answer.body.access_token
    assert answer.headers["Cache-Control"] == "no-store"


def test_generated_ids_and_secrets_need_no_quoting(owner: Credential) -> None:
    for generated in (owner.client_id, owner.client_secret):
        assert generated
        assert all(c.isascii() and (c.isalnum() or c in "_-") for c in generated)


def test_a_wrong_client_secret_is_an_oauth_error(owner: Credential) -> None:
    wrong = Credential(owner.client_id, "wrong", owner.username, owner.password)
    with pytest.raises(OauthProviderException) as refused:
        sdk.client(wrong).thingspace_oauth.fetch_token()
    assert refused.value.response_code == 401
    assert refused.value.error == "invalid_client"
    assert "WWW-Authenticate" in refused.value.response.headers
    # The SDK's user sees only this, which is why the server's log must say more.
    with pytest.raises(AuthValidationException):
        sdk.log_in(wrong)


def test_another_grant_is_an_oauth_error(service: Service, owner: Credential) -> None:
    basic = base64.b64encode(f"{owner.client_id}:{owner.client_secret}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    answer = call("POST", f"{service.root}/api/ts/v1/oauth2/token", headers, b"grant_type=password")
    assert (answer.status, answer.body["error"]) == (400, "unsupported_grant_type")


def test_a_revoked_bearer_token_is_refused(service: Service, owner: Credential) -> None:
    token = sdk.client(owner).thingspace_oauth.fetch_token()
    session = sdk.log_in(owner)
    client = sdk.client(owner, session, token)
    client.software_management_callbacks_v1.list_registered_callbacks(LIST_ACCOUNT)
    basic = base64.b64encode(f"{owner.client_id}:{owner.client_secret}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    for _ in ("known", "no longer known"):
        body = f"token={token.access_token}".encode()
        assert call("POST", f"{service.root}/api/ts/v1/oauth2/revoke", headers, body).status == 200
    refused_with(client, 401, "REQUEST_FAILED.AccessToken.Invalid")


def test_logging_in_gives_a_guid(owner: Credential) -> None:
    assert uuid.UUID(sdk.log_in(owner)).version == 4


def test_a_wrong_password_and_an_unknown_user_look_the_same(new_credential: Any) -> None:
    credential = new_credential(LIST_ACCOUNT)
    errors = []
    for username, password in ((credential.username, "wrong"), ("nobody", credential.password)):
        with pytest.raises(ConnectivityManagementResultException) as refused:
            sdk.log_in(credential, username, password)
        assert refused.value.response_code == 400
        errors.append((refused.value.error_code, refused.value.error_message))
    assert errors[0] == errors[1]
    assert errors[0][0] == "REQUEST_FAILED.Login.Invalid"
    assert sdk.log_in(credential)


def test_five_failed_log_ins_in_a_row_lock_the_user(new_credential: Any) -> None:
    credential = new_credential(LIST_ACCOUNT)
    client = sdk.client(credential)

    def error_of(password: str) -> ConnectivityManagementResultException:
        with pytest.raises(ConnectivityManagementResultException) as refused:
            client.session_management.start_connectivity_management_session(LogInRequest(credential.username, password))
        return refused.value

    for _ in range(FAILURES_UNTIL_LOCKED):
        assert error_of("wrong").error_code == "REQUEST_FAILED.Login.Invalid"
    locked = error_of(credential.password)
    assert (locked.response_code, locked.error_code) == (400, "REQUEST_FAILED.Login.Locked")
    assert 0 < int(locked.response.headers["Retry-After"]) <= 15 * 60


def test_a_log_in_without_a_body_is_an_error_of_the_session_api(owner: Credential) -> None:
    with pytest.raises(ConnectivityManagementResultException) as refused:
        sdk.client(owner).session_management.start_connectivity_management_session()
    assert refused.value.error_code == "INPUT_INVALID.RequestUndefined"


def test_logging_out_ends_the_session_and_says_which(owner: Credential) -> None:
    session = sdk.log_in(owner)
    client = sdk.client(owner, session)
    ended = client.session_management.end_connectivity_management_session()
    assert ended.body.session_token == session
    refused_with(client, 401, "INPUT_INVALID.SessionToken.Invalid")


def test_logging_out_with_a_form_and_no_body_works_as_the_typescript_sdk_does_it(
    service: Service, owner: Credential
) -> None:
    session = sdk.log_in(owner)
    headers = {
        **bearer(sdk.client(owner).thingspace_oauth.fetch_token().access_token),
        "VZ-M2M-Token": session,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    answer = call("POST", f"{service.root}/api/m2m/v1/session/logout", headers)
    assert (answer.status, answer.body) == (200, {"sessionToken": session})


@pytest.mark.parametrize("token", ["not-a-guid", str(uuid.UUID(int=4))])
def test_a_session_token_that_is_none_is_refused(owner: Credential, token: str) -> None:
    refused_with(sdk.client(owner, token), 401, "INPUT_INVALID.SessionToken.Invalid")


def test_a_session_is_good_only_with_the_bearer_of_its_client(owner: Credential, new_credential: Any) -> None:
    other = new_credential(LIST_ACCOUNT)
    refused_with(sdk.client(other, sdk.log_in(owner)), 401, "INPUT_INVALID.SessionToken.Invalid")


def test_a_bearer_token_that_is_none_is_refused(owner: Credential) -> None:
    forged = sdk.client(owner, sdk.log_in(owner), OauthToken("forged", "Bearer"))
    refused_with(forged, 401, "REQUEST_FAILED.AccessToken.Invalid")


def test_without_a_token_a_request_is_refused(service: Service, owner: Credential) -> None:
    url = f"{service.root}/api/fota/v1/callbacks/{LIST_ACCOUNT}"
    nothing = call("GET", url)
    assert (nothing.status, nothing.body["errorCode"]) == (401, "REQUEST_FAILED.AccessToken.Invalid")
    token = sdk.client(owner).thingspace_oauth.fetch_token().access_token
    no_session = call("GET", url, bearer(token))
    assert (no_session.status, no_session.body["errorCode"]) == (401, "REQUEST_FAILED.SessionToken.Format")


def refused_with(client: Any, status: int, code: str) -> None:
    """The SDK raises its plain exception, not FotaV1ResultException; the body is the contract's all the same."""
    with pytest.raises(APIException) as refused:
        client.software_management_callbacks_v1.list_registered_callbacks(LIST_ACCOUNT)
    assert type(refused.value) is APIException
    assert refused.value.response_code == status
    error = sdk.error_of(refused.value)
    assert error["errorCode"] == code
    assert error["errorMessage"]

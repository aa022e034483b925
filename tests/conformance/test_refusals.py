"""What the Callbacks API refuses, and how the SDK says it (contract, section 2, error codes)."""

from __future__ import annotations

from typing import Any

import pytest
from verizon.exceptions.api_exception import APIException
from verizon.exceptions.fota_v1_result_exception import FotaV1ResultException
from verizon.models.fota_v1_callback_registration_request import FotaV1CallbackRegistrationRequest as Request

import sdk
from documented import LIST_ACCOUNT
from service import Credential

GOOD_URL = "https://10.0.0.1/callbacks"
LONGEST_URL = 2048
# Of no credential of these tests.
FOREIGN_ACCOUNT = "0999999999-00001"

MALFORMED_ACCOUNTS = [
    "1234",
    "0252012345",
    "0252012345-0001",
    "02520123450-0001",
    "025201234A-00001",
    "0252012345_00001",
]

# The URL, and a word of the message that says what is wrong with it.
BAD_URLS = {
    "relative": ("/CallbackListener", ""),
    "no scheme": ("10.0.0.1:50559/CallbackListener", ""),
    "another scheme": ("ftp://10.0.0.1/", "http"),
    "a fragment": (GOOD_URL + "#here", "fragment"),
    "user-info": ("https://user:secret@10.0.0.1/", "user"),
    "too long": (GOOD_URL + "/" + "x" * LONGEST_URL, str(LONGEST_URL)),
    "a metadata address": ("http://169.254.169.254/latest", "--allow-network"),
    "a link-local address": ("http://169.254.1.1/", "--allow-network"),
}

BAD_BODIES = {
    "not JSON": ("{", ""),
    "not an object": ("[]", ""),
    "no url": ({"name": "Fota"}, "url"),
    "url of another type": ({"name": "Fota", "url": 7}, "url"),
    "no name": ({"url": GOOD_URL}, "name"),
    "name of another type": ({"name": ["Fota"], "url": GOOD_URL}, "name"),
    "password of another type": ({"name": "Fota", "url": GOOD_URL, "password": 7}, "password"),
}


@pytest.mark.parametrize("malformed", MALFORMED_ACCOUNTS)
def test_an_account_in_another_form_is_invalid(callbacks: Any, malformed: str) -> None:
    code = "INPUT_INVALID.Account.Invalid"
    refused_with(code, lambda: callbacks.list_registered_callbacks(malformed))
    refused_with(code, lambda: callbacks.register_callback(malformed, Request("Fota", GOOD_URL)))
    refused_with(code, lambda: callbacks.deregister_callback(malformed, "Fota"))


@pytest.mark.parametrize("name", ["Other", "fota", "FOTA", "Fota/x"])
def test_a_service_other_than_fota_is_invalid(callbacks: Any, account: str, name: str) -> None:
    code = "INPUT_INVALID.CallbackService.Invalid"
    refused_with(code, lambda: callbacks.register_callback(account, Request(name, GOOD_URL)))
    refused_with(code, lambda: callbacks.deregister_callback(account, name))


@pytest.mark.parametrize("case", BAD_URLS)
def test_a_url_that_can_not_be_called_is_invalid_and_the_message_says_why(
    callbacks: Any, account: str, case: str
) -> None:
    url, word = BAD_URLS[case]
    message = refused_with(
        "INPUT_INVALID.CallbackUrl.Invalid", lambda: callbacks.register_callback(account, Request("Fota", url))
    )
    assert word in message
    assert "secret" not in message
    assert callbacks.list_registered_callbacks(account).body == []


def test_a_url_of_the_greatest_length_is_taken(callbacks: Any, account: str) -> None:
    url = GOOD_URL + "/" + "x" * (LONGEST_URL - len(GOOD_URL) - 1)
    callbacks.register_callback(account, Request("Fota", url))
    assert callbacks.list_registered_callbacks(account).body[0].url == url


def test_an_empty_body_is_undefined(callbacks: Any, account: str) -> None:
    refused_with("INPUT_INVALID.RequestUndefined", lambda: callbacks.register_callback(account, None))


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_body_that_is_not_the_models_is_invalid_and_the_message_names_the_field(
    callbacks: Any, account: str, case: str
) -> None:
    body, field = BAD_BODIES[case]
    message = refused_with("INPUT_INVALID.Request.InvalidJson", lambda: callbacks.register_callback(account, body))
    assert field in message


def test_a_refused_registration_leaves_the_one_before(callbacks: Any, account: str) -> None:
    callbacks.register_callback(account, Request("Fota", GOOD_URL))
    with pytest.raises(FotaV1ResultException):
        callbacks.register_callback(account, Request("Fota", "ftp://10.0.0.1/"))
    assert callbacks.list_registered_callbacks(account).body[0].url == GOOD_URL


def test_deregistering_what_is_not_registered_is_an_error(callbacks: Any, account: str) -> None:
    refused_with("REQUEST_FAILED.CallbackNotRegistered", lambda: callbacks.deregister_callback(account, "Fota"))


def test_an_account_of_someone_else_is_refused_with_403(callbacks: Any, owner: Credential, new_credential: Any) -> None:
    someones = new_credential(FOREIGN_ACCOUNT)
    sdk.logged_in(someones).software_management_callbacks_v1.register_callback(
        FOREIGN_ACCOUNT, Request("Fota", GOOD_URL)
    )
    for request in (
        lambda: callbacks.list_registered_callbacks(FOREIGN_ACCOUNT),
        lambda: callbacks.register_callback(FOREIGN_ACCOUNT, Request("Fota", GOOD_URL)),
        lambda: callbacks.deregister_callback(FOREIGN_ACCOUNT, "Fota"),
        lambda: sdk.logged_in(someones).software_management_callbacks_v1.list_registered_callbacks(LIST_ACCOUNT),
    ):
        with pytest.raises(APIException) as refused:
            request()
        assert type(refused.value) is APIException
        assert refused.value.response_code == 403
        assert sdk.error_of(refused.value)["errorCode"] == "REQUEST_FAILED.AccountName"


def refused_with(code: str, request: Any) -> str:
    """The request gets 400, typed by the SDK, with this code; gives the message."""
    with pytest.raises(FotaV1ResultException) as refused:
        request()
    assert refused.value.response_code == 400
    assert refused.value.error_code == code
    assert refused.value.error_message
    return refused.value.error_message

"""List, register, replace, deregister through the SDK (contract, section 2)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from verizon.exceptions.fota_v1_result_exception import FotaV1ResultException
from verizon.models.callback_service_enum import CallbackServiceEnum
from verizon.models.fota_v1_callback_registration_request import FotaV1CallbackRegistrationRequest as Request

from documented import LIST_ACCOUNT, REGISTER_ACCOUNT, example


def test_the_documented_request_gets_the_documented_answer(callbacks: Any) -> None:
    request = Request.from_dictionary(example("register-request"))
    answer = callbacks.register_callback(REGISTER_ACCOUNT, request)
    assert answer.status_code == 200
    assert answer.body.account_name == REGISTER_ACCOUNT
    assert answer.body.service_name == "Fota"
    assert json.loads(answer.text) == example("register-response")


def test_the_list_is_the_documented_one(callbacks: Any) -> None:
    (listed,) = example("list-response")
    callbacks.register_callback(LIST_ACCOUNT, Request(listed["name"], listed["url"]))
    answer = callbacks.list_registered_callbacks(LIST_ACCOUNT)
    (item,) = answer.body
    assert (item.aname, item.name, item.url) == (LIST_ACCOUNT, "Fota", listed["url"])
    assert json.loads(answer.text) == example("list-response")


def test_where_nothing_is_registered_the_list_is_empty(callbacks: Any, account: str) -> None:
    answer = callbacks.list_registered_callbacks(account)
    assert answer.status_code == 200
    assert json.loads(answer.text) == []
    assert answer.body == []


def test_the_list_gives_the_user_name_and_never_the_password(callbacks: Any, account: str) -> None:
    callbacks.register_callback(account, Request("Fota", "https://10.0.0.1/", "fota-user", "fota-pass"))
    answer = callbacks.list_registered_callbacks(account)
    (item,) = json.loads(answer.text)
    assert item == {"aname": account, "name": "Fota", "url": "https://10.0.0.1/", "username": "fota-user"}
    assert not hasattr(answer.body[0], "password")


def test_registering_again_replaces(callbacks: Any, account: str) -> None:
    callbacks.register_callback(account, Request("Fota", "https://10.0.0.1/first", "user", "pass"))
    callbacks.register_callback(account, Request("Fota", "https://10.0.0.1/second"))
    (item,) = json.loads(callbacks.list_registered_callbacks(account).text)
    assert item == {"aname": account, "name": "Fota", "url": "https://10.0.0.1/second"}


def test_deregistering_gets_the_documented_answer_and_works_once(callbacks: Any, account: str) -> None:
    callbacks.register_callback(account, Request("Fota", "https://10.0.0.1/"))
    answer = callbacks.deregister_callback(account, CallbackServiceEnum.FOTA)
    assert answer.body.success is True
    assert json.loads(answer.text) == example("deregister-response")
    assert callbacks.list_registered_callbacks(account).body == []
    with pytest.raises(FotaV1ResultException) as refused:
        callbacks.deregister_callback(account, CallbackServiceEnum.FOTA)
    assert refused.value.error_code == "REQUEST_FAILED.CallbackNotRegistered"


def test_one_accounts_registration_is_not_anothers(callbacks: Any, account: str) -> None:
    callbacks.register_callback(LIST_ACCOUNT, Request("Fota", "https://10.0.0.1/"))
    assert callbacks.list_registered_callbacks(account).body == []

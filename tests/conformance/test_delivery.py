"""What arrives at a registered URL, seen by a listener and a verifier that are not ours (contract, section 3)."""

from __future__ import annotations

from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from verizon.models.fota_v1_callback_registration_request import FotaV1CallbackRegistrationRequest as Request

from documented import MESSAGE_ACCOUNT, example
from publishing import Publisher, upgrade, without_login
from receiver import Receiver, assert_headers
from service import Credential, Service

# The first retry comes after 5 s, give or take a fifth; the rest is room for a slow machine.
FIRST_RETRY_SECONDS = 30
# How long nothing must come where nothing may come.
SILENCE_SECONDS = 2

SECTIONS = {"firmwareList": [], "upgradeScheduled": {}, "upgradeProgress": {}, "upgradeFinished": {}}


@pytest.fixture(scope="module")
def publisher(service: Service, owner: Credential) -> Publisher:
    return Publisher(service, owner)


@pytest.mark.parametrize("name", ["message-firmware-list", "message-upgrade-finished"])
def test_a_documented_message_arrives_as_documented(
    callbacks: Any, publisher: Publisher, receiver: Receiver, name: str
) -> None:
    message = example(name)
    registered = Request("Fota", receiver.url(), message["username"], message["password"])
    callbacks.register_callback(MESSAGE_ACCOUNT, registered)
    message_id, sequence = publisher.queue(without_login(message))
    callback = receiver.next()
    assert callback.body == message
    assert (callback.method, callback.path) == ("POST", "/CallbackListener/FirmwareServiceMessages.asmx")
    assert_headers(callback, message_id, sequence, attempt=1)


def test_a_verifier_that_is_not_ours_accepts_the_signature_and_nothing_else(
    callbacks: Any, publisher: Publisher, receiver: Receiver, account: str
) -> None:
    callbacks.register_callback(account, Request("Fota", receiver.url()))
    publisher.queue(upgrade(account))
    callback = receiver.next()
    key = publisher.signing_key(account)
    assert key["secret"].startswith("whsec_")
    assert key["publicKey"].startswith("whpk_")
    assert key["previous"] == []
    verifier = Webhook(key["secret"])
    assert verifier.verify(callback.raw, callback.headers) == callback.body

    tampered = callback.raw.replace(b"InProgress", b"Finished")
    assert tampered != callback.raw
    stale = str(int(callback.headers["webhook-timestamp"]) + 1)
    for raw, headers in (
        (tampered, callback.headers),
        (callback.raw, {**callback.headers, "webhook-id": "another"}),
        (callback.raw, {**callback.headers, "webhook-timestamp": stale}),
    ):
        with pytest.raises(WebhookVerificationError):
            verifier.verify(raw, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(publisher.signing_key(MESSAGE_ACCOUNT)["secret"]).verify(callback.raw, callback.headers)


def test_messages_of_an_upgrade_arrive_in_order_and_are_numbered_without_gaps(
    callbacks: Any, publisher: Publisher, receiver: Receiver, account: str
) -> None:
    callbacks.register_callback(account, Request("Fota", receiver.url()))
    first = upgrade(account)
    upgrade_id = first["upgradeProgress"]["upgradeId"]
    published = [publisher.queue(upgrade(account, upgrade_id, step=step)) for step in range(5)]
    assert [sequence for _, sequence in published] == [1, 2, 3, 4, 5]
    for step, (message_id, sequence) in enumerate(published):
        callback = receiver.next()
        assert_headers(callback, message_id, sequence, attempt=1)
        assert callback.body["upgradeProgress"]["step"] == step


def test_sections_that_were_left_out_come_empty_and_unknown_fields_come_unchanged(
    callbacks: Any, publisher: Publisher, receiver: Receiver, account: str
) -> None:
    callbacks.register_callback(account, Request("Fota", receiver.url()))
    message = upgrade(account, extra={"deep": [1, "ü", None]})
    publisher.queue({**message, "brandNew": True})
    expected = {
        "participantName": "",
        "username": "",
        "password": "",
        "brandNew": True,
        **SECTIONS,
        **message,
    }
    assert receiver.next().body == expected


def test_a_callback_that_was_not_taken_is_sent_again_under_the_same_id(
    callbacks: Any, publisher: Publisher, receiver: Receiver, account: str
) -> None:
    callbacks.register_callback(account, Request("Fota", receiver.url()))
    receiver.answers = [500]
    message_id, sequence = publisher.queue(upgrade(account))
    refused = receiver.next()
    again = receiver.next(FIRST_RETRY_SECONDS)
    assert_headers(refused, message_id, sequence, attempt=1)
    assert_headers(again, message_id, sequence, attempt=2)
    assert again.raw == refused.raw
    verifier = Webhook(publisher.signing_key(account)["secret"])
    assert verifier.verify(again.raw, again.headers)


def test_after_a_replacement_callbacks_go_to_the_new_url_with_the_new_login(
    callbacks: Any, publisher: Publisher, receiver: Receiver, account: str
) -> None:
    callbacks.register_callback(account, Request("Fota", receiver.url("/first"), "first-user", "first-pass"))
    publisher.queue(upgrade(account))
    assert receiver.next().path == "/first"
    callbacks.register_callback(account, Request("Fota", receiver.url("/second?a=b"), "second-user", "second-pass"))
    publisher.queue(upgrade(account))
    callback = receiver.next()
    assert callback.path == "/second?a=b"
    assert (callback.body["username"], callback.body["password"]) == ("second-user", "second-pass")


def test_after_a_deregistration_nothing_is_sent_and_nothing_accepted(
    callbacks: Any, publisher: Publisher, receiver: Receiver, account: str
) -> None:
    callbacks.register_callback(account, Request("Fota", receiver.url()))
    publisher.queue(upgrade(account))
    receiver.next()
    callbacks.deregister_callback(account, "Fota")
    answer = publisher.publish(upgrade(account))
    assert (answer.status, answer.body) == (200, {"status": "unregistered"})
    assert receiver.stays_silent(SILENCE_SECONDS)


def test_a_publisher_can_not_give_the_login(publisher: Publisher, account: str) -> None:
    for field in ("username", "password"):
        answer = publisher.publish({**upgrade(account), field: "x"})
        assert (answer.status, answer.body["errorCode"]) == (400, "INPUT_INVALID.Message.Invalid")
        assert field in answer.body["errorMessage"]

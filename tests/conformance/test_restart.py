"""What outlives a restart of the server, since neither SDK gets tokens anew."""

from __future__ import annotations

from verizon.models.fota_v1_callback_registration_request import FotaV1CallbackRegistrationRequest as Request

import sdk
from documented import LIST_ACCOUNT
from publishing import Publisher, upgrade
from receiver import Receiver, assert_headers
from service import Service


def test_tokens_the_registration_and_the_numbering_outlive_a_restart(
    second_service: Service, receiver: Receiver
) -> None:
    server = second_service
    owner = server.create_credential("restarted", [LIST_ACCOUNT], ["callbacks", "publish"])
    callbacks = sdk.logged_in(owner).software_management_callbacks_v1
    callbacks.register_callback(LIST_ACCOUNT, Request("Fota", receiver.url(), "fota-user", "fota-pass"))
    publisher = Publisher(server, owner)
    publisher.queue(upgrade(LIST_ACCOUNT))
    receiver.next()
    key = publisher.signing_key(LIST_ACCOUNT)

    root = server.root
    assert server.stop() == 0, server.tail()
    server.start()
    assert server.root == root

    assert callbacks.list_registered_callbacks(LIST_ACCOUNT).body[0].url == receiver.url()
    assert publisher.signing_key(LIST_ACCOUNT) == key
    message_id, sequence = publisher.queue(upgrade(LIST_ACCOUNT))
    assert sequence == 2
    callback = receiver.next()
    assert_headers(callback, message_id, sequence, attempt=1)
    assert (callback.body["username"], callback.body["password"]) == ("fota-user", "fota-pass")

"""The server's description of itself, /openapi.json, and the schemas beside it, as programs of others read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from verizon.models.fota_v1_callback_registration_request import FotaV1CallbackRegistrationRequest as Request

from documented import example
from plain import call
from publishing import Publisher, upgrade, without_login
from receiver import Receiver
from service import Credential, Service

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Of parameters, bodies and refusals: so many at the least.
EXAMPLES = 300


@pytest.fixture(scope="module")
def document(service: Service) -> Any:
    answer = call("GET", f"{service.root}/openapi.json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    return answer.body


@pytest.fixture(scope="module")
def message_schemas(service: Service) -> list[Any]:
    """The schema of a callback, and the one of a published message."""
    answers = [call("GET", f"{service.root}/schemas/{name}-message.json") for name in ("callback", "published")]
    for answer in answers:
        assert (answer.status, answer.headers["content-type"]) == (200, "application/schema+json")
        assert answer.body["$schema"] == DIALECT
        jsonschema_rs.meta.validate(answer.body)
    return [jsonschema_rs.validator_for(answer.body, validate_formats=True) for answer in answers]


def test_every_example_is_right_by_its_schema(document: Any) -> None:
    found = [*examples(document["paths"], "paths"), *examples(document["webhooks"], "webhooks")]
    for where, schema, value in found:
        check(document, schema, value, where)
    assert len(found) > EXAMPLES


def test_the_contracts_bodies_are_right_by_their_schemas(document: Any) -> None:
    for name, schema in [
        ("register-request", "FotaV1CallbackRegistrationRequest"),
        ("register-response", "FotaV1CallbackRegistrationResult"),
        ("deregister-response", "FotaV1SuccessResult"),
        ("message-firmware-list", "CallbackMessage"),
        ("message-upgrade-finished", "CallbackMessage"),
    ]:
        check(document, {"$ref": f"#/components/schemas/{schema}"}, example(name), name)
    for item in example("list-response"):
        check(document, {"$ref": "#/components/schemas/RegisteredCallbacks"}, item, "list-response")


@pytest.mark.parametrize("name", ["message-firmware-list", "message-upgrade-finished"])
def test_a_message_has_the_form_of_where_it_is(message_schemas: list[Any], name: str) -> None:
    callback, published = message_schemas
    delivered = example(name)
    message = without_login(delivered)
    assert callback.is_valid(delivered)
    assert published.is_valid(message)
    assert not published.is_valid(delivered), "a publisher gives no password"
    assert not callback.is_valid(message), "a callback's envelope is whole"
    assert published.is_valid({**message, "orderingKey": None, "somethingNew": [1]})
    assert published.is_valid({field: value for field, value in message.items() if value not in ([], {}, "")})
    empty: Any = type(message[message["type"]])()
    for wrong in [{"type": "ping"}, {"accountName": "1"}, {"upgradeScheduled": {"upgradeId": "x"}}, {message["type"]: empty}]:
        assert not published.is_valid({**message, **wrong}), wrong
    for left_out in ["accountName", "type", message["type"]]:
        assert not published.is_valid({field: value for field, value in message.items() if field != left_out}), left_out


def test_what_is_delivered_is_right_by_its_schema(
    callbacks: Any, service: Service, owner: Credential, account: str, receiver: Receiver, message_schemas: list[Any]
) -> None:
    callback, _ = message_schemas
    callbacks.register_callback(account, Request("Fota", receiver.url()))
    publisher = Publisher(service, owner)
    publisher.queue(upgrade(account))
    assert callback.is_valid(receiver.next().body)
    assert publisher.ping(account).body["ok"]
    assert callback.is_valid(receiver.next().body)


def examples(node: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    """Every example of a parameter or a content: where it stands, its schema, and itself."""
    if isinstance(node, list):
        for at, item in enumerate(node):
            yield from examples(item, f"{where}[{at}]")
    if not isinstance(node, dict):
        return
    if "schema" not in node:
        for name, inner in node.items():
            yield from examples(inner, f"{where} {name}")
        return
    if "example" in node:
        yield where, node["schema"], node["example"]
    for name, given in node.get("examples", {}).items():
        yield f"{where} {name}", node["schema"], given["value"]


def check(document: Any, schema: Any, value: Any, where: str) -> None:
    """Holds a value against a schema of the document."""
    whole = {"$schema": DIALECT, **schema, "components": document["components"]}
    errors = [str(error) for error in jsonschema_rs.validator_for(whole, validate_formats=True).iter_errors(value)]
    assert not errors, f"{where}: {errors}"

"""Publishing over plain HTTP, as a platform without any SDK would."""

from __future__ import annotations

import uuid
from typing import Any

import sdk
from plain import Answer, bearer, call
from service import Credential, Service


class Publisher:
    """Publishes with one credential's bearer token."""

    def __init__(self, service: Service, credential: Credential) -> None:
        self._root = f"{service.root}/api/ringback/v1"
        self._headers = bearer(sdk.client(credential).thingspace_oauth.fetch_token().access_token)

    def publish(self, message: dict[str, Any]) -> Answer:
        return call("POST", f"{self._root}/messages", self._headers, message)

    def queue(self, message: dict[str, Any]) -> tuple[str, int]:
        """Publishes a message that must be accepted; gives its id and its sequence number."""
        answer = self.publish(message)
        assert (answer.status, answer.body.get("status")) == (202, "queued"), answer
        assert set(answer.body) == {"id", "sequence", "status"}
        return answer.body["id"], answer.body["sequence"]

    def ping(self, account: str) -> Answer:
        return call("POST", f"{self._root}/accounts/{account}/ping", self._headers)

    def signing_key(self, account: str) -> dict[str, Any]:
        answer = call("GET", f"{self._root}/accounts/{account}/signing-key", self._headers)
        assert answer.status == 200, answer
        return answer.body


def without_login(message: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A callback message as it is published: the registration's user name and password are not the publisher's."""
    kept = {name: value for name, value in message.items() if name not in ("username", "password")}
    return {**kept, **changed}


def upgrade(account: str, upgrade_id: str | None = None, **fields: Any) -> dict[str, Any]:
    """A message about the progress of an upgrade, as short as it may be."""
    section = {"upgradeId": upgrade_id or str(uuid.uuid4()), "status": "InProgress", **fields}
    return {"accountName": account, "type": "upgradeProgress", "upgradeProgress": section}

"""What Schemathesis has to know about this server: what only the server can give out, and what would saw off its own branch.

Schemathesis loads this as its hooks; test_openapi.py runs it. It changes requests that are meant to be right where being
right takes more than a schema can say. Requests that are meant to be wrong stay as they are.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
import schemathesis

# The longest that a request for an account's messages waits here, in seconds.
WAIT_SECONDS = 1
ANSWER_SECONDS = 15

ROOT = os.environ["FUZZ_ROOT"]
CLIENT_ID = os.environ["FUZZ_CLIENT_ID"]
TOKEN = os.environ["FUZZ_TOKEN"]
SESSION = os.environ["FUZZ_SESSION"]
USERNAME = os.environ["FUZZ_USERNAME"]
PASSWORD = os.environ["FUZZ_PASSWORD"]
ACCOUNT = os.environ["FUZZ_ACCOUNT"]
REGISTERED = os.environ["FUZZ_REGISTERED"]
RECEIVER = urlsplit(os.environ["FUZZ_RECEIVER"])

SESSION_HEADER = "VZ-M2M-Token"
NDJSON = "application/x-ndjson"


@schemathesis.serializer(NDJSON)
def as_lines(_context: Any, value: Any) -> dict[str, Any]:
    """Lines are sent as they are."""
    return {"data": value if isinstance(value, bytes) else str(value).encode()}


@schemathesis.hook
def filter_case(_context: Any, case: Any) -> bool:
    """Leaves out what can't be wrong: whatever the lines hold, each is answered with a line of its own."""
    return not (case.media_type == NDJSON and case.meta is not None and case.meta.generation.mode.is_negative)


@schemathesis.hook
def before_call(_context: Any, case: Any, **_: Any) -> None:
    """Changes a request just before it is sent."""
    keep_the_branch(case)
    if case.meta is not None and case.meta.generation.mode.is_positive:
        make_right(case)


def keep_the_branch(case: Any) -> None:
    """Neither ends what the run itself needs, nor calls strangers, nor waits for what never comes."""
    segments = case.path_parameters or {}
    if segments.get("clientId") == CLIENT_ID:
        segments["clientId"] = "another"
    headers = case.headers or {}
    if case.operation.path.endswith("/session/logout") and headers.get(SESSION_HEADER) == SESSION:
        headers[SESSION_HEADER] = another_session()
    body = case.body
    if isinstance(body, dict) and isinstance(body.get("url"), str):
        body["url"] = pointed_at_receiver(body["url"])
    query = case.query or {}
    wait = query.get("wait")
    if isinstance(wait, int) and not isinstance(wait, bool) and WAIT_SECONDS < wait <= 60:
        query["wait"] = WAIT_SECONDS


def make_right(case: Any) -> None:
    """What the description says in words only."""
    query = case.query or {}
    body = case.body if isinstance(case.body, dict) else {}
    # A cursor is the server's own word.
    query.pop("cursor", None)
    operation = case.operation.definition.raw.get("operationId")
    # What needs a registration meets one.
    if operation in ("pingEndpoint", "checkEndpoint", "restoreRegistration", "replayMessages"):
        case.path_parameters["account"] = REGISTERED
    if operation == "searchMessages" and not {"upgradeId", "device"}.isdisjoint(query):
        query.setdefault("account", ACCOUNT)
    if operation == "listAccounts" and query.get("sort") == "trouble":
        query.pop("prefix", None)
    if operation == "replayMessages" and body.get("state") == "pending":
        body.pop("since", None)
        body.pop("until", None)
    if operation == "publishMessages":
        if "idempotencyKey" in body or case.media_type == NDJSON:
            drop_header(case, "Idempotency-Key")
        # An upgrade's id is the ordering key, unless there is another, and not every text can be one.
        body.setdefault("orderingKey", None)
    # Who has read further than there is has read nothing.
    if operation == "acknowledgeMessages" and "through" in body:
        body["through"] = 0
    if operation == "logIn":
        body.update(username=USERNAME, password=PASSWORD)


def drop_header(case: Any, name: str) -> None:
    for given in [given for given in case.headers or {} if given.lower() == name.lower()]:
        del case.headers[given]


def pointed_at_receiver(url: str) -> str:
    """The same URL at the test's own listener, if it is one that can be called."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.username is not None:
        return url
    return urlunsplit((RECEIVER.scheme, RECEIVER.netloc, parts.path, parts.query, parts.fragment))


def another_session() -> str:
    answer = requests.post(
        f"{ROOT}/api/m2m/v1/session/login",
        json={"username": USERNAME, "password": PASSWORD},
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=ANSWER_SECONDS,
    )
    return answer.json()["sessionToken"]

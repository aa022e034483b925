"""HTTP without any SDK: for the publish API, and for requests that an SDK can't be made to send."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import Any

REQUEST_SECONDS = 15

# Neither proxies nor redirects: the answer is the server's own.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: Any


def call(method: str, url: str, headers: dict[str, str] | None = None, body: Any = None) -> Answer:
    """Sends one request; a body goes as JSON, unless it is bytes."""
    headers = dict(headers or {})
    data = body
    if body is not None and not isinstance(body, bytes):
        data = json.dumps(body).encode()
        headers.setdefault("Content-Type", "application/json")
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with _opener.open(request, timeout=REQUEST_SECONDS) as response:
            return Answer(response.status, response.headers, read(response))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, read(error))


def read(response: Any) -> Any:
    text = response.read().decode()
    return json.loads(text) if text else None


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}

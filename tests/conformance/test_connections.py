"""One connection, many requests: the SDKs keep theirs open, and send a request's head and its body apart."""

from __future__ import annotations

import http.client
import json
import time
from urllib.parse import urlsplit

from documented import LIST_ACCOUNT, example
from service import Service

# How late the body comes: the server has seen the head by then, and could have answered.
LATE_SECONDS = 0.1
ANSWER_SECONDS = 15


def test_a_refusal_before_the_body_was_read_does_not_cut_the_connection(service: Service) -> None:
    body = json.dumps(example("register-request")).encode()
    connection = http.client.HTTPConnection(urlsplit(service.root).netloc, timeout=ANSWER_SECONDS)
    connection.putrequest("POST", f"/api/fota/v1/callbacks/{LIST_ACCOUNT}")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    time.sleep(LATE_SECONDS)
    connection.send(body)
    refused = connection.getresponse()
    assert refused.status == 401
    assert json.loads(refused.read())["errorCode"] == "REQUEST_FAILED.AccessToken.Invalid"
    # The server may end the connection, but has to say so: whoever keeps it would lose the next request.
    if not refused.will_close:
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
    connection.close()

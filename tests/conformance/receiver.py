"""Somebody's callback listener: the HTTP server of Python's standard library, keeping what it is sent."""

from __future__ import annotations

import json
import queue
import re
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DELIVERY_SECONDS = 15
# How far two clocks of one machine may be apart, in seconds.
CLOCK_SECONDS = 30


@dataclass(frozen=True)
class Callback:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


class Receiver:
    """Listens on a free port of loopback until it is closed."""

    def __init__(self) -> None:
        self.received: queue.Queue[Callback] = queue.Queue()
        # What to answer to the next requests, in order; then 200.
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = receiver.answers.pop(0) if receiver.answers else 200
                # Before the answer: what follows it may be here, on another thread, at once.
                receiver.received.put(Callback(self.command, self.path, headers, raw))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_PUT = do_DELETE = do_POST

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        serve = self._server.serve_forever
        threading.Thread(target=serve, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def url(self, path: str = "/CallbackListener/FirmwareServiceMessages.asmx") -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def next(self, seconds: float = DELIVERY_SECONDS) -> Callback:
        """The next callback, as soon as it is here."""
        try:
            return self.received.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"no callback came within {seconds} s") from None

    def stays_silent(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        try:
            self.received.get(timeout=seconds)
        except queue.Empty:
            return True
        return False

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def assert_headers(callback: Callback, message_id: str, sequence: int, attempt: int) -> None:
    """The headers that every delivery bears, and none that only a replay has."""
    headers = callback.headers
    assert headers["content-type"] == "application/json"
    assert re.fullmatch(r"Ringback/\d+\.\d+\.\d+\S*", headers["user-agent"])
    assert headers["webhook-id"] == message_id
    assert re.fullmatch(r"\d+", headers["webhook-timestamp"])
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < CLOCK_SECONDS
    assert re.search(r"(^| )v1,[A-Za-z0-9+/]{43}=( |$)", headers["webhook-signature"])
    assert headers["ringback-sequence"] == str(sequence)
    assert headers["ringback-attempt"] == str(attempt)
    assert "ringback-replay" not in headers

"""Runs the program under test as its users do: `credentials create`, then `serve` on a free port.

Everything it writes goes into one folder, which the caller gives and throws away. A server that outlives its test is
ended with it, also when the test is killed.
"""

from __future__ import annotations

import collections
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

COMMAND_SECONDS = 30
START_SECONDS = 30
STOP_SECONDS = 30
KEPT_LINES = 200

LISTENING = re.compile(r"listening on (https?://[^\s\"]+)")


@dataclass(frozen=True)
class Credential:
    """What `credentials create --json` prints."""

    client_id: str
    client_secret: str
    username: str
    password: str


class Service:
    """One server over one store."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary = binary
        self.store = f"sqlite:{folder / 'ringback.db'}"
        self.folder = folder
        self.root = ""
        # Any free port at first; then the one that it was.
        self._listen = "127.0.0.1:0"
        self._process: subprocess.Popen[str] | None = None
        self._lines: collections.deque[str] = collections.deque(maxlen=KEPT_LINES)

    def create_credential(self, name: str, accounts: list[str], scopes: list[str]) -> Credential:
        command = [str(self.binary), "credentials", "create", "--store", self.store, "--name", name, "--json"]
        for account in accounts:
            command += ["--account", account]
        for scope in scopes:
            command += ["--scope", scope]
        done = subprocess.run(
            command,
            capture_output=True,
            cwd=self.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"credentials create ended with {done.returncode}: {done.stderr}"
        made = json.loads(done.stdout)
        return Credential(made["clientId"], made["clientSecret"], made["username"], made["password"])

    def start(self) -> None:
        """Starts the server, and waits until it says where it listens: the second time, at the same address."""
        self.root = ""
        listening = threading.Event()
        command = [str(self.binary), "serve", "--listen", self._listen, "--store", self.store]
        command += ["--egress", "any", "--allow-http"]
        self._process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=die_with_parent,
        )
        threading.Thread(target=self._read, args=(self._process, listening), daemon=True).start()
        listening.wait(START_SECONDS)
        if not self.root:
            self.stop()
            raise AssertionError(f"serve did not say where it listens:\n{self.tail()}")
        self._listen = self.root.rpartition("/")[2]

    def stop(self) -> int:
        """Asks the server to stop, and gives its exit code; one that does not stop is killed."""
        process = self._process
        assert process is not None, "the server was not started"
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait(STOP_SECONDS)

    def tail(self) -> str:
        """The last lines that the server wrote."""
        return "".join(list(self._lines))

    def _read(self, process: subprocess.Popen[str], listening: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._lines.append(line)
            if not listening.is_set() and (found := LISTENING.search(line)):
                self.root = found.group(1).rstrip("/")
                listening.set()
        # It ended: there is nothing to wait for any more.
        listening.set()


def environment() -> dict[str, str]:
    """This environment without what would configure the program, and without colours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}
    return {**kept, "NO_COLOR": "1"}


def die_with_parent() -> None:
    """Between fork and exec: has the system end the server when the test is gone (Linux)."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)

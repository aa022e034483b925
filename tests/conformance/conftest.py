"""The stage: one server for the run, credentials made beside it, and an account of its own for each test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Requests read this when they are made; all of ours go to this machine.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

# The helpers assert too, and should say what they saw.
pytest.register_assert_rewrite("publishing", "receiver", "service")

from verizon.verizon_client import VerizonClient  # noqa: E402

import sdk  # noqa: E402
from documented import LIST_ACCOUNT, MESSAGE_ACCOUNT, REGISTER_ACCOUNT  # noqa: E402
from receiver import Receiver  # noqa: E402
from service import Credential, Service  # noqa: E402

# One for each test that asks for an account.
SPARE_ACCOUNTS = [f"{number:010}-00007" for number in range(1, 65)]

_spare = iter(SPARE_ACCOUNTS)
_names = itertools.count(1)
_service: Service | None = None


def new_service(folder: Path) -> Service:
    """A server that is told nothing but where to listen, where to keep things, and to call any address."""
    global _service
    binary = os.environ.get("RINGBACK_BIN")
    assert binary, "RINGBACK_BIN must name the program to test"
    _service = Service(Path(binary).resolve(), folder)
    return _service


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The server of the run."""
    running = new_service(tmp_path_factory.mktemp("ringback"))
    # Before the server's first start: the store is made by whoever comes first.
    running.create_credential("first", ["0999999999-00002"], ["callbacks"])
    running.start()
    with sdk.pointed_at(running.root):
        yield running
    assert running.stop() == 0, f"serve did not end well on SIGTERM:\n{running.tail()}"


@pytest.fixture(scope="session")
def owner(service: Service) -> Credential:
    """The credential of one who owns accounts and publishes to them."""
    accounts = [LIST_ACCOUNT, REGISTER_ACCOUNT, MESSAGE_ACCOUNT, *SPARE_ACCOUNTS]
    return service.create_credential("conformance", accounts, ["callbacks", "publish"])


@pytest.fixture
def second_service(tmp_path: Path) -> Iterator[Service]:
    """A server that a test may stop and start: it ends with the test."""
    global _service
    before = _service
    running = new_service(tmp_path)
    running.start()
    with sdk.pointed_at(running.root):
        yield running
    assert running.stop() == 0, f"serve did not end well on SIGTERM:\n{running.tail()}"
    _service = before


@pytest.fixture
def new_credential(service: Service) -> Any:
    """Makes a credential over the given accounts."""

    def make(*accounts: str) -> Credential:
        return service.create_credential(f"credential-{next(_names)}", list(accounts), ["callbacks", "publish"])

    return make


@pytest.fixture(scope="session")
def thingspace(owner: Credential) -> VerizonClient:
    """The SDK's client, logged in as the owner."""
    return sdk.logged_in(owner)


@pytest.fixture(scope="session")
def callbacks(thingspace: VerizonClient) -> Any:
    """The SDK's Software Management Callbacks V1."""
    return thingspace.software_management_callbacks_v1


@pytest.fixture
def account(owner: Credential) -> str:
    """An account of the owner's on which nothing was done yet."""
    return next(_spare)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    listening = Receiver()
    yield listening
    listening.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Iterator[None]:
    """Reports a failure with what the server wrote, and without the exceptions that led to it inside the SDK."""
    if call.excinfo is not None:
        call.excinfo.value.__cause__ = None
        call.excinfo.value.__suppress_context__ = True
    outcome = yield
    report = outcome.get_result()
    if report.failed and _service is not None:
        report.sections.append(("what ringback serve wrote", _service.tail()))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends the run's output with its plain summary."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    count = {name: len(reports) for name, reports in reporter.stats.items()}
    failed = count.get("failed", 0) + count.get("error", 0)
    reporter.write_line(f"{count.get('passed', 0)} passed, {failed} failed")

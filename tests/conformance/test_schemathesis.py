"""Schemathesis asks the server everything that its description allows, and much that it doesn't.

schemathesis.toml says how it is run, and fuzz_hooks.py what it has to know beside the description. To look further, give it
more examples: RINGBACK_FUZZ_EXAMPLES=500.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from verizon.models.fota_v1_callback_registration_request import FotaV1CallbackRegistrationRequest as Request

import sdk
from documented import LIST_ACCOUNT, MESSAGE_ACCOUNT
from receiver import Receiver
from service import Credential, Service

HERE = Path(__file__).parent
# Requests of each operation that are drawn in a phase, and what they are drawn from.
EXAMPLES = int(os.environ.get("RINGBACK_FUZZ_EXAMPLES", "10"))
SEED = 1
# There are more than so many.
OPERATIONS = 30
# For each example; a run takes a tenth of it, and only one that hangs is ended.
EXAMPLE_SECONDS = 15


def test_schemathesis_finds_nothing(second_service: Service, receiver: Receiver, tmp_path: Path) -> None:
    everything = second_service.create_credential("fuzz", ["*"], ["callbacks", "publish", "operate"])
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run"]
    command += [f"{second_service.root}/openapi.json", "--no-color", "--continue-on-failure"]
    command += ["--seed", str(SEED), "--max-examples", str(EXAMPLES), "--generation-database", "none"]
    done = subprocess.run(
        command,
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, **told(second_service, everything, receiver)},
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=EXAMPLES * EXAMPLE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"schemathesis ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    tested = re.search(r"Selected: (\d+)/(\d+)\s+Tested: (\d+)", done.stdout)
    assert tested is not None and len(set(tested.groups())) == 1 and int(tested[1]) > OPERATIONS, done.stdout


def told(service: Service, credential: Credential, receiver: Receiver) -> dict[str, str]:
    """What schemathesis.toml and fuzz_hooks.py read. One account is registered, and was before."""
    callbacks = sdk.logged_in(credential).software_management_callbacks_v1
    for path in ("/before", "/now"):
        callbacks.register_callback(LIST_ACCOUNT, Request("Fota", receiver.url(path)))
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")])),
        "FUZZ_ROOT": service.root,
        "FUZZ_CLIENT_ID": credential.client_id,
        "FUZZ_CLIENT_SECRET": credential.client_secret,
        "FUZZ_TOKEN": sdk.client(credential).thingspace_oauth.fetch_token().access_token,
        "FUZZ_SESSION": sdk.log_in(credential),
        "FUZZ_USERNAME": credential.username,
        "FUZZ_PASSWORD": credential.password,
        "FUZZ_ACCOUNT": MESSAGE_ACCOUNT,
        "FUZZ_REGISTERED": LIST_ACCOUNT,
        "FUZZ_RECEIVER": receiver.url(),
    }

"""The published ThingSpace SDK for Python, pointed at our server in the one way that it leaves open."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from verizon.configuration import Configuration, Environment
from verizon.http.auth.thingspace_oauth import ThingspaceOauthCredentials
from verizon.http.auth.vz_m2m_token import VZM2mTokenCredentials
from verizon.models.log_in_request import LogInRequest
from verizon.models.oauth_token import OauthToken
from verizon.verizon_client import VerizonClient

from service import Credential

THINGSPACE_ROOT = "https://thingspace.verizon.com"
REQUEST_SECONDS = 15

# As the SDK ships them: where one server is pointed at beside another, it's still this root that is replaced.
SHIPPED = dict(Configuration.environments[Environment.PRODUCTION])


@contextmanager
def pointed_at(root: str) -> Iterator[None]:
    """Has every client talk to the server at `root`."""
    before = Configuration.environments[Environment.PRODUCTION]
    Configuration.environments[Environment.PRODUCTION] = {
        server: url.replace(THINGSPACE_ROOT, root) for server, url in SHIPPED.items()
    }
    yield
    Configuration.environments[Environment.PRODUCTION] = before


def client(
    credential: Credential,
    session_token: str | None = None,
    token: OauthToken | None = None,
    on_token: Callable[[OauthToken], None] | None = None,
) -> VerizonClient:
    """A client that gets its bearer token by itself, unless it is given one."""
    return VerizonClient(
        environment=Environment.PRODUCTION,
        timeout=REQUEST_SECONDS,
        max_retries=0,
        thingspace_oauth_credentials=ThingspaceOauthCredentials(
            oauth_client_id=credential.client_id,
            oauth_client_secret=credential.client_secret,
            oauth_token=token,
            oauth_on_token_update=on_token,
        ),
        vz_m2m_token_credentials=VZM2mTokenCredentials(session_token) if session_token else None,
    )


def log_in(credential: Credential, username: str | None = None, password: str | None = None) -> str:
    """A session token, through the SDK's own log-in."""
    request = LogInRequest(username or credential.username, password or credential.password)
    result = client(credential).session_management.start_connectivity_management_session(request)
    return result.body.session_token


def logged_in(credential: Credential) -> VerizonClient:
    """A client with both tokens."""
    return client(credential, log_in(credential))


def error_of(exception: Any) -> dict[str, str]:
    """The body of an error that the SDK does not type."""
    return json.loads(exception.response.text)

"""The documented examples, and the accounts that they speak of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent / "fixtures"

LIST_ACCOUNT = "0252012345-00001"
REGISTER_ACCOUNT = "0204563412-00001"
MESSAGE_ACCOUNT = "0242078689-00001"


def example(name: str) -> Any:
    """A documented example, as parsed JSON."""
    return json.loads((FIXTURES / f"{name}.json").read_text())

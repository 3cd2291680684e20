"""Whether boxes can be had here. CI requires them (RLBOOK_REQUIRE_SANDBOX=1); elsewhere their tests are skipped."""

import os

import pytest

from rlbook.grading.box import BoxError
from rlbook.grading.run import check_sandbox


def _reason():
    try:
        check_sandbox()
    except BoxError as error:
        return str(error)
    return ""


REASON = _reason()
needs_sandbox = pytest.mark.skipif(
    bool(REASON) and "RLBOOK_REQUIRE_SANDBOX" not in os.environ, reason=REASON or "there"
)

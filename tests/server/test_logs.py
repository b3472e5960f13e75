"""What a process tells of itself, and what it keeps from being told."""

import json
import subprocess
import sys

import pytest

SPEAKING = """
import logging
from certrail_server.logs import configure
configure("{level}", "json")
for name in ("certrail.plugin", "certrail_server.serve", "certrail_workflows.errors", "vendor.sdk"):
    logging.getLogger(name).debug("chatter of %s", name)
    logging.getLogger(name).warning("warning of %s", name)
"""


def reported(level: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", SPEAKING.format(level=level)], capture_output=True, text=True, check=True
    )
    return {json.loads(line)["message"] for line in done.stderr.splitlines()}


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "ERROR"])
def test_of_libraries_only_warnings_are_kept_whatever_the_level(level: str) -> None:
    messages = reported(level)
    assert "chatter of vendor.sdk" not in messages
    assert ("warning of vendor.sdk" in messages) == (level != "ERROR")
    assert ("chatter of certrail.plugin" in messages) == (level == "DEBUG")
    assert ("warning of certrail_server.serve" in messages) == (level != "ERROR")

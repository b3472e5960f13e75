"""Log lines of plugins name plugin, version and what the call is for, and hold no secret."""

import json
import logging

import pytest
from pydantic import SecretStr

from certrail.plugins.plugin_log import PluginLogger, fields_of
from certrail.plugins.redaction import Redactor
from certrail_sdk import Config, Secret
from certrail_server.logs import JsonLines, TextLines


class Login(Config):
    password: Secret


LOGGER = PluginLogger("destination-files", "1.2", "delivery 4f1c")
NAMED = {"plugin": "destination-files", "plugin_version": "1.2", "subject": "delivery 4f1c"}


def written(caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    (record,) = caplog.records
    return record


def test_each_record_has_the_fields_whatever_the_plugin_adds(caplog: pytest.LogCaptureFixture) -> None:
    LOGGER.warning("%d%% done", 50, extra={"plugin": "another", "step": "copy"})
    record = written(caplog)
    assert fields_of(record) == NAMED
    assert (record.name, record.getMessage(), vars(record)["step"]) == ("certrail.plugin", "50% done", "copy")
    line = json.loads(JsonLines().format(record))
    assert line.items() >= {**NAMED, "message": "50% done"}.items()
    assert (
        TextLines()
        .format(record)
        .endswith("WARNING certrail.plugin: destination-files 1.2, delivery 4f1c: 50% done")
    )


def test_other_records_have_none(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("certrail.other").warning("done")
    assert not fields_of(written(caplog))
    assert TextLines().format(written(caplog)).endswith("certrail.other: done")


def test_secrets_are_masked(caplog: pytest.LogCaptureFixture) -> None:
    with Redactor.of(Login(password=SecretStr("c0nfidential"))).in_logs():
        LOGGER.warning("signed in with %s", "c0nfidential")
    assert written(caplog).getMessage() == "signed in with **********"
    assert fields_of(written(caplog)) == NAMED

"""Logs on standard error: JSON for machines, lines for a terminal."""

import json
import logging
import sys
from datetime import UTC, datetime

from certrail.plugins.plugin_log import fields_of

RECEIVED = ("certrail", "certrail_server", "certrail_workflows", "temporalio", "uvicorn")
"""Whose level is chosen. Of every other library only warnings are kept: its chatter may name URLs, headers, bodies."""


class JsonLines(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for key in ("temporal_workflow", "temporal_activity"):
            if isinstance(details := getattr(record, key, None), dict):
                entry["workflow_id"] = str(details.get("workflow_id", ""))
        entry |= fields_of(record)
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


class TextLines(logging.Formatter):
    """Lines for people; those of a plugin name it first."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        if fields := fields_of(record):
            plugin, version, subject = fields.values()
            record.message = f"{plugin} {version}, {subject}: {record.message}"
        return super().formatMessage(record)


def configure(level: str, style: str) -> None:
    """Set up logging for this process."""
    handler = logging.StreamHandler(sys.stderr)
    text = style == "text" or (style == "auto" and sys.stderr.isatty())
    handler.setFormatter(TextLines() if text else JsonLines())
    chosen = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=max(chosen, logging.WARNING), handlers=[handler], force=True)
    for name in RECEIVED:
        logging.getLogger(name).setLevel(chosen)

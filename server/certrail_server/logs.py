"""Logs on standard error: JSON for machines, lines for a terminal."""

import json
import logging
import sys
from datetime import UTC, datetime

QUIET = ("httpx2", "httpcore2", "botocore", "boto3", "urllib3", "azure", "slack_sdk", "alembic", "aiosmtplib")
"""Libraries whose chatter may name URLs and headers; only their warnings are kept."""


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
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def configure(level: str, style: str) -> None:
    """Set up logging for this process."""
    handler = logging.StreamHandler(sys.stderr)
    text = style == "text" or (style == "auto" and sys.stderr.isatty())
    line = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(line if text else JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)

"""The logger that a plugin is lent: every record names the plugin, its version and what the call is for."""

import logging
from collections.abc import MutableMapping
from typing import Any

from typing_extensions import override

FIELDS = ("plugin", "plugin_version", "subject")
"""Attributes of a plugin's log records."""
_LOGGER = logging.getLogger("certrail.plugin")


class PluginLogger(logging.LoggerAdapter[logging.Logger]):
    """Writes to ``certrail.plugin`` with the fields of one call.

    Args:
        plugin: kind and name, such as ``destination-files``.
        version: of its distribution.
        subject: what the call is for, such as ``delivery 4f1c``.
    """

    def __init__(self, plugin: str, version: str, subject: str) -> None:
        super().__init__(_LOGGER, dict(zip(FIELDS, (plugin, version, subject), strict=True)))

    @override
    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the fields; those that the plugin gives itself do not replace them."""
        kwargs["extra"] = {**(kwargs.get("extra") or {}), **(self.extra or {})}
        return msg, kwargs


def fields_of(record: logging.LogRecord) -> dict[str, str]:
    """The fields of a plugin's log record; none of any other."""
    return {name: str(getattr(record, name)) for name in FIELDS if hasattr(record, name)}

"""The destination `files`."""

from certrail_destination_files.config import FilesConfig
from certrail_destination_files.destination import Files
from certrail_sdk import hookimpl

__all__ = ["Files", "FilesConfig", "certrail_destinations"]


@hookimpl
def certrail_destinations() -> list[type[Files]]:
    """The one class of this plugin."""
    return [Files]

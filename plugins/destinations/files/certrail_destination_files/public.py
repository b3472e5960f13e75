"""One public file, and beside it the mark that says whose it is."""

import json
import os
from pathlib import Path

from certrail_destination_files.config import UNCHANGED
from certrail_destination_files.writing import replace_file
from certrail_sdk import Permanent, Publication


class PublicFile:
    """The file of one publication, replaced whole."""

    def __init__(self, path: Path, publication: Publication) -> None:
        self._path = path
        self._publication = publication
        self._mark = path.with_name(f".{path.name}.certrail.json")

    def publish(self, mode: int, owner: int = UNCHANGED, group: int = UNCHANGED) -> bool:
        """Let the file hold the content; ``False`` when it does already.

        Raises:
            Permanent: something stands there that is no file, or is not ours.
        """
        if os.path.lexists(self._path):
            plain = self._path.is_file() and not self._path.is_symlink()
            if plain and self._path.read_bytes() == self._publication.content:
                return False
            if not (plain and self._is_ours()):
                raise Permanent(
                    f"{self._path} exists and was not published from here.",
                    action="Move it away, then retry.",
                )
        # First the mark: a try that ends between the two is recognised by the next one.
        if not self._is_marked():
            mark = {"made_by": "certrail", "delivery": self._publication.delivery}
            replace_file(self._mark, json.dumps(mark).encode(), 0o644)
        replace_file(self._path, self._publication.content, mode, owner, group)
        return True

    def _is_ours(self) -> bool:
        known = self._publication.receipt
        return self._is_marked() or (known is not None and known.reference == str(self._path))

    def _is_marked(self) -> bool:
        try:
            return bool(json.loads(self._mark.read_text())["delivery"] == self._publication.delivery)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return False

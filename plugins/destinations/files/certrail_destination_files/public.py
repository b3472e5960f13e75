"""One public file, and beside it the mark that says whose it is."""

import json

from certrail_destination_files.config import UNCHANGED
from certrail_destination_files.directory import Directory
from certrail_sdk import Permanent, Publication


class PublicFile:
    """The file of one publication, replaced whole."""

    def __init__(self, folder: Directory, publication: Publication) -> None:
        self._folder, self._name = folder, publication.name
        self._publication = publication
        self._mark = f".{publication.name}.certrail.json"

    def publish(self, mode: int, owner: int = UNCHANGED, group: int = UNCHANGED) -> bool:
        """Let the file hold the content; ``False`` when it does already.

        Raises:
            Permanent: something stands there that is no file, or is not ours.
        """
        if self._folder.holds(self._name):
            found = self._folder.read(self._name)
            if found and found[0] == self._publication.content:
                return False
            if found is None or not self._is_ours():
                raise Permanent(
                    f"{self._folder.path / self._name} exists and was not published from here.",
                    action="Move it away, then retry.",
                )
        # First the mark: a try that ends between the two is recognised by the next one.
        if not self._is_marked():
            mark = {"made_by": "certrail", "delivery": self._publication.delivery}
            self._folder.replace(self._mark, json.dumps(mark).encode(), 0o644)
        self._folder.replace(self._name, self._publication.content, mode, owner, group)
        return True

    def _is_ours(self) -> bool:
        known = self._publication.receipt
        reference = str(self._folder.path / self._name)
        return self._is_marked() or (known is not None and known.reference == reference)

    def _is_marked(self) -> bool:
        content, _ = self._folder.read(self._mark) or (b"", None)
        try:
            return bool(json.loads(content)["delivery"] == self._publication.delivery)
        except (ValueError, KeyError, TypeError):
            return False

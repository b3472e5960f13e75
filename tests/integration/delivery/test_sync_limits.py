"""An Application has a bounded number of syncs, as all are compared in the transaction that issues a certificate."""

import pytest
from tests.integration.folder_world import FolderWorld

from certrail.domain.errors import Conflict
from certrail.services.delivery import syncs


def test_an_application_has_so_many_syncs(folder_world: FolderWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncs, "MOST_SYNCS", 2)
    folder_world.sync()
    folder_world.sync("second")
    with pytest.raises(Conflict, match="There are 2 syncs already"):
        folder_world.sync("third")

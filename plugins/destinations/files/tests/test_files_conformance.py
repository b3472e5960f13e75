from collections.abc import Callable
from pathlib import Path

import pytest

from certrail_destination_files import Files, FilesConfig
from certrail_sdk.testing import DestinationConformance


class TestPem(DestinationConformance):
    @pytest.fixture
    def build(self, tmp_path: Path) -> Callable[[], Files]:
        return lambda: Files(FilesConfig(directory=tmp_path))

    @pytest.fixture
    def broken(self, tmp_path: Path) -> Files:
        return Files(FilesConfig(directory=tmp_path / "missing"))


class TestPkcs12(DestinationConformance):
    @pytest.fixture
    def build(self, tmp_path: Path) -> Callable[[], Files]:
        return lambda: Files(
            FilesConfig(directory=tmp_path, format="pkcs12", password="correct horse battery")
        )

    @pytest.fixture
    def broken(self, tmp_path: Path) -> Files:
        return Files(FilesConfig(directory=tmp_path / "missing", password="correct horse battery"))

"""The destination keeps every rule of the contract, in every format."""

from collections.abc import Callable
from pathlib import Path

import pytest

from certrail_destination_files import Files, FilesConfig
from certrail_sdk.testing import DestinationConformance


def files(directory: Path, **values: str) -> Files:
    return Files(FilesConfig.parse({"root": str(directory), **values}))


class TestPem(DestinationConformance):
    @pytest.fixture
    def build(self, tmp_path: Path) -> Callable[[], Files]:
        return lambda: files(tmp_path)

    @pytest.fixture
    def broken(self, tmp_path: Path) -> Files:
        return files(tmp_path, group="nobody-has-this-name")


class TestCombined(DestinationConformance):
    @pytest.fixture
    def build(self, tmp_path: Path) -> Callable[[], Files]:
        return lambda: files(tmp_path, format="combined")

    @pytest.fixture
    def broken(self, tmp_path: Path) -> Files:
        return files(tmp_path, format="combined", owner="nobody-has-this-name")


class TestPkcs12(DestinationConformance):
    @pytest.fixture
    def build(self, tmp_path: Path) -> Callable[[], Files]:
        return lambda: files(tmp_path, format="pkcs12", password="correct horse battery")

    @pytest.fixture
    def broken(self, tmp_path: Path) -> Files:
        return files(
            tmp_path, owner="nobody-has-this-name", format="pkcs12", password="correct horse battery"
        )

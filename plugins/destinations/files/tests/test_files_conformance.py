"""The destination keeps every rule of the contract, in every format."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from certrail_destination_files import Files, FilesConfig
from certrail_sdk.testing import DestinationConformance, make_bundle

PASSWORD = "correct horse battery"
A_FOLDER = {
    "busy": "a folder demands no pauses",
    "unreachable": "a folder is on the worker's machine; its tests take the mount away",
}


def files(root: Path, **values: str) -> Files:
    return Files(FilesConfig.parse({"root": str(root), **values}))


def in_full(folder: Path) -> str:
    """All that is current in an object's folder, leaf first."""
    packed = folder / "bundle.p12"
    if packed.exists():
        return opened(packed.read_bytes())
    order = ("combined.pem", "fullchain.pem", "privkey.pem")
    text = "\n".join((folder / name).read_text() for name in order if (folder / name).exists())
    return text or "\n".join(path.read_text() for path in sorted(folder.iterdir()) if path.is_file())


def opened(content: bytes) -> str:
    found = pkcs12.load_pkcs12(content, PASSWORD.encode())
    assert found.cert
    assert found.key
    key = found.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    pems = [
        each.certificate.public_bytes(Encoding.PEM).decode() for each in (found.cert, *found.additional_certs)
    ]
    return "".join(pems) + key


class InAFolder(DestinationConformance):
    without = A_FOLDER

    @pytest.fixture
    def stored(self, tmp_path: Path) -> Callable[[], Mapping[str, str]]:
        folders = [tmp_path, tmp_path / "elsewhere"]
        return lambda: {
            str(path): in_full(path / "current" if (path / "current").exists() else path)
            for folder in folders
            if folder.exists()
            for path in folder.iterdir()
            if path.is_dir() and path.name != "elsewhere"
        }

    @pytest.fixture
    def foreign(self, tmp_path: Path) -> Callable[[str], None]:
        def put(name: str) -> None:
            (tmp_path / name).mkdir()
            (tmp_path / name / "site.pem").write_text(make_bundle("by-hand.example").certificate)

        return put


class TestPem(InAFolder):
    @pytest.fixture
    def build(self, tmp_path: Path) -> Callable[[], Files]:
        return lambda: files(tmp_path)

    @pytest.fixture
    def broken(self, tmp_path: Path) -> Files:
        return files(tmp_path, group="nobody-has-this-name")

    @pytest.fixture
    def elsewhere(self, tmp_path: Path) -> Files:
        (tmp_path / "elsewhere").mkdir()
        return files(tmp_path, directory="elsewhere")


class TestCombined(InAFolder):
    @pytest.fixture
    def build(self, tmp_path: Path) -> Callable[[], Files]:
        return lambda: files(tmp_path, format="combined")

    @pytest.fixture
    def broken(self, tmp_path: Path) -> Files:
        return files(tmp_path, format="combined", owner="nobody-has-this-name")

    @pytest.fixture
    def elsewhere(self, tmp_path: Path) -> Files:
        (tmp_path / "elsewhere").mkdir()
        return files(tmp_path, format="combined", directory="elsewhere")


class TestPkcs12(InAFolder):
    @pytest.fixture
    def build(self, tmp_path: Path) -> Callable[[], Files]:
        return lambda: files(tmp_path, format="pkcs12", password=PASSWORD)

    @pytest.fixture
    def broken(self, tmp_path: Path) -> Files:
        return files(tmp_path, owner="nobody-has-this-name", format="pkcs12", password=PASSWORD)

    @pytest.fixture
    def elsewhere(self, tmp_path: Path) -> Files:
        (tmp_path / "elsewhere").mkdir()
        return files(tmp_path, format="pkcs12", password=PASSWORD, directory="elsewhere")

"""Stores that Java's own keytool reads."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.programs import keytool

from certrail.pki.bundle import pkcs12
from certrail.pki.jks import keystore

from .test_field_cases import Party

PASSWORD = "correct horse"


def entries(folder: Path, kind: str, content: bytes) -> str:
    (folder / "store").write_bytes(content)
    words = ["-storetype", kind, "-keystore", "store", "-storepass", PASSWORD]
    done = keytool("-list", *words, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("alias", ["\U0001f512.example.com", "m\u00fcller", "a\0b", "plain"])
def test_an_alias_may_have_any_character(tmp_path: Path, alias: str) -> None:
    """Java writes and reads text in a UTF-8 of its own, with surrogates and without NUL."""
    root, me = Party("Root", ca=True), Party("leaf.example.com")
    content = keystore(me.by(root), [root.by(root)], me.key, PASSWORD, alias, datetime.now(UTC))
    assert "contains 1 entry" in entries(tmp_path, "JKS", content)


def test_a_pkcs12_without_a_key_is_not_empty(tmp_path: Path) -> None:
    """A certificate without a key counts for Java only with the attribute trustedKeyUsage."""
    root = Party("Root", ca=True)
    leaf = Party("leaf.example.com").by(root)
    found = entries(tmp_path, "PKCS12", pkcs12(leaf, [root.by(root)], None, PASSWORD, "leaf"))
    assert "contains 2 entries" in found
    assert found.count("trustedCertEntry") == 2

import base64
import json
import stat
from pathlib import Path

import pytest

from certrail.crypto import keyring
from certrail.crypto.keyring import Keyring, KeyringError

SECRET = b"the private key"


def test_sealing_twice_gives_two_envelopes() -> None:
    keyring = Keyring.generate()
    assert keyring.seal(SECRET, "ca-key") != keyring.seal(SECRET, "ca-key")


def test_an_envelope_names_its_version_and_key_and_hides_its_content() -> None:
    keyring = Keyring("k1", {"k1": bytes(32)})
    version, key_id, body = keyring.seal(SECRET, "ca-key").split(".")
    assert (version, key_id) == ("v1", "k1")
    assert SECRET not in base64.urlsafe_b64decode(body)


def test_another_purpose_does_not_open_it() -> None:
    keyring = Keyring.generate()
    with pytest.raises(KeyringError, match="another purpose"):
        keyring.open(keyring.seal(SECRET, "ca-key"), "certificate-key")


def test_every_changed_byte_is_noticed() -> None:
    keyring = Keyring.generate()
    head, _, body = keyring.seal(b"x", "ca-key").rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(body))
    for i in range(len(raw)):
        changed = bytearray(raw)
        changed[i] ^= 1
        with pytest.raises(KeyringError):
            keyring.open(f"{head}.{base64.urlsafe_b64encode(changed).decode()}", "ca-key")


def test_an_envelope_moved_to_another_key_id_does_not_open() -> None:
    keyring = Keyring("a", {"a": bytes(32), "b": bytes(32)})
    moved = keyring.seal(SECRET, "ca-key").replace("v1.a.", "v1.b.")
    with pytest.raises(KeyringError):
        keyring.open(moved, "ca-key")


def test_an_unknown_key_is_named() -> None:
    envelope = Keyring("old", {"old": bytes(32)}).seal(SECRET, "ca-key")
    with pytest.raises(KeyringError, match="no key old"):
        Keyring.generate().open(envelope, "ca-key")


@pytest.mark.parametrize(
    "text", ["", "hunter2", "v1.hunter2", "v2.a.hunter2", "v1.a.hunter2!", "v1..hunter2"]
)
def test_what_is_no_envelope_is_refused_without_repeating_it(text: str) -> None:
    keyring = Keyring.generate()
    for use in (lambda: keyring.open(text, "p"), lambda: keyring.needs_rotation(text)):
        with pytest.raises(KeyringError) as caught:
            use()
        assert "hunter2" not in str(caught.value)


def test_rotation_keeps_old_envelopes_readable_and_marks_them() -> None:
    keyring = Keyring.generate()
    old = keyring.seal(SECRET, "ca-key")
    new_key = keyring.rotate()
    new = keyring.seal(SECRET, "ca-key")
    assert keyring.open(old, "ca-key") == SECRET
    assert new.split(".")[1] == new_key
    assert (keyring.needs_rotation(old), keyring.needs_rotation(new)) == (True, False)


def test_json_goes_in_and_out() -> None:
    keyring = Keyring.generate()
    value = {"url": "https://example.com", "list": [1, None, "é"]}
    assert keyring.open_json(keyring.seal_json(value, "p"), "p") == value
    with pytest.raises(KeyringError, match="no JSON"):
        keyring.open_json(keyring.seal(SECRET, "p"), "p")


def test_repr_shows_key_ids_only() -> None:
    keyring = Keyring("k1", {"k1": b"s" * 32})
    assert repr(keyring) == "<Keyring active=k1 keys=['k1']>"


def test_a_saved_keyring_loads_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    keyring, path = Keyring.generate(), tmp_path / "keyring.json"
    envelope = keyring.seal(SECRET, "p")
    keyring.rotate()
    keyring.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Keyring.load(path).open(envelope, "p") == SECRET
    assert Keyring.from_text(path.read_text()).open(envelope, "p") == SECRET
    assert list(tmp_path.iterdir()) == [path]


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keyring.json"
    Keyring.generate().save(path)
    before = path.read_text()

    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        Keyring.generate().save(path)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    Keyring.generate().save(path)
    path.chmod(0o640)
    with pytest.raises(KeyringError, match="chmod 600"):
        Keyring.load(path)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"not json", b"[]", b'{"active": "a", "keys": {}}'])
def test_a_file_that_is_no_keyring_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keyring.json"
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(KeyringError):
        Keyring.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="No such file"):
        Keyring.load(tmp_path / "none.json")


@pytest.mark.parametrize("keys", [{"a": "c2hvcnQ="}, {"a.b": base64.b64encode(bytes(32)).decode()}])
def test_short_keys_and_ids_with_dots_are_refused(keys: dict[str, str]) -> None:
    with pytest.raises(KeyringError):
        Keyring.from_text(json.dumps({"active": next(iter(keys)), "keys": keys}))


def test_a_running_process_seals_under_the_key_that_another_one_made(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    Keyring.generate().save(path)
    running, other = Keyring.load(path), Keyring.load(path)
    old = running.seal(b"secret", "p")
    key_id = other.rotate()
    assert other.needs_rotation(old)
    other.save(path)
    envelope = running.seal(b"secret", "p")
    assert envelope.startswith(f"v1.{key_id}.")
    assert running.open(old, "p") == other.open(envelope, "p") == b"secret"


def test_it_goes_on_with_what_it_knows_when_the_file_is_away_or_damaged(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    Keyring.generate().save(path)
    running = Keyring.load(path)
    path.write_text("{")
    assert running.open(running.seal(b"secret", "p"), "p") == b"secret"
    path.unlink()
    assert running.open(running.seal(b"secret", "p"), "p") == b"secret"


def test_what_is_sealed_while_a_rotation_is_followed_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keyring.json"
    Keyring.generate().save(path)
    running, other = Keyring.load(path), Keyring.load(path)
    other.rotate()
    bound_to = keyring._bound_to

    def met_in_between(key_id: str, purpose: str) -> bytes:
        """Another thread meets the new key right when this one seals."""
        monkeypatch.undo()
        other.save(path)
        running.open(other.seal(b"met", "p"), "p")
        return bound_to(key_id, purpose)

    monkeypatch.setattr(keyring, "_bound_to", met_in_between)
    assert running.open(running.seal(b"secret", "p"), "p") == b"secret"

"""Bytes under a passphrase, at the true cost of scrypt."""

import pytest

from certrail.crypto.passphrase import HEADER, PassphraseError, unwrap, wrap

PASSPHRASE = "correct horse battery staple"


def test_what_was_wrapped_is_unwrapped_by_the_same_passphrase_for_the_same_purpose_only() -> None:
    wrapped = wrap(b"content", PASSPHRASE, "keyring")
    assert wrapped.startswith(HEADER)
    assert b"content" not in wrapped
    assert unwrap(wrapped, PASSPHRASE, "keyring") == b"content"
    for passphrase, purpose in ((PASSPHRASE.upper(), "keyring"), (PASSPHRASE, "another")):
        with pytest.raises(PassphraseError, match="not the one"):
            unwrap(wrapped, passphrase, purpose)


def test_a_short_passphrase_and_a_foreign_text_are_refused() -> None:
    with pytest.raises(PassphraseError, match="16 characters"):
        wrap(b"content", "short", "keyring")
    with pytest.raises(PassphraseError, match="newer certrail"):
        unwrap(b"content", PASSPHRASE, "keyring")

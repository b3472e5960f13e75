"""Properties of keyring, with Hypothesis: a module of its own, as that takes a second to import."""

from hypothesis import strategies as st
from tests.support.properties import given

from certrail.crypto.keyring import Keyring


@given(st.binary(max_size=300), st.text(max_size=30))
def test_what_was_sealed_is_what_opens(plaintext: bytes, purpose: str) -> None:
    keyring = Keyring.generate()
    assert keyring.open(keyring.seal(plaintext, purpose), purpose) == plaintext

"""pkiMessages: written, read back, changed on the way, and as hostile clients write them."""

import random
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from tests.support.scep_client import AES256, ScepClient, constructed, rsa_key, scep_csr, self_signed

from certrail.pki.enrollment.ber import Malformed
from certrail.pki.scep.algorithms import CIPHERS, BadAlgorithm, ContentCipher, Digest
from certrail.pki.scep.envelope import Undecipherable, read_envelope, seal_envelope
from certrail.pki.scep.message import (
    LARGEST_MESSAGE,
    Attribute,
    BadMessage,
    MessageType,
    PkiMessage,
    read_message,
)
from certrail.pki.scep.writing import named, octets, printable, signed_data

RA = self_signed(rsa_key(1), "ra")
CSR = scep_csr(rsa_key(), "device.example.com", "secret")


@pytest.fixture
def client() -> ScepClient:
    return ScepClient(rsa_key(), self_signed(rsa_key(), "device.example.com"), RA)


def opened(message: PkiMessage) -> bytes:
    return read_envelope(message.content).open(lambda _: rsa_key(1))


@pytest.mark.parametrize("cipher", CIPHERS.values(), ids=lambda cipher: cipher.name)
@pytest.mark.parametrize("digest", [hashes.SHA1(), hashes.SHA256(), hashes.SHA512()], ids=lambda d: d.name)
def test_a_request_is_read_as_it_was_written(
    client: ScepClient, cipher: ContentCipher, digest: Digest
) -> None:
    client.cipher, client.digest = cipher, digest
    message = read_message(client.request(CSR))
    assert message.message_type == MessageType.PKCS_REQ
    assert message.transaction_id == client.transaction_id
    assert message.sender_nonce == client.nonce
    assert message.verify().public_key == rsa_key().public_key()
    assert opened(message) == CSR


@pytest.mark.parametrize("transaction", ["7", "9" * 77, "aGVsbG8gd29ybGQ+/w==", "A b'c(d)+,-./:=?"])
def test_a_transaction_id_is_any_printable_string(client: ScepClient, transaction: str) -> None:
    """certmonger writes 77 digits, micromdm base64."""
    client.transaction_id = transaction
    message = read_message(client.request(CSR))
    assert message.transaction_id == transaction
    assert message.raw_transaction_id == printable(transaction)


def test_a_constructed_string_of_indefinite_length_is_read(client: ScepClient) -> None:
    """The BER that micromdm's client writes; the digest is over the content octets as they came."""
    sealed = seal_envelope(CSR, named(RA), rsa_key(1).public_key(), AES256)
    message = read_message(client.signed(constructed(sealed), MessageType.PKCS_REQ, {}))
    message.verify()
    assert opened(message) == CSR


def test_the_recipient_is_found_by_issuer_and_serial_number(client: ScepClient) -> None:
    envelope = read_envelope(read_message(client.request(CSR)).content)
    asked: list[int] = []

    def none(recipient: object) -> None:
        asked.append(recipient.serial)  # type: ignore[attr-defined]

    with pytest.raises(Undecipherable):
        envelope.open(none)
    assert asked == [RA.serial_number]


def test_another_key_opens_nothing(client: ScepClient) -> None:
    envelope = read_envelope(read_message(client.request(CSR)).content)
    with pytest.raises(Undecipherable):
        envelope.open(lambda _: rsa_key(2))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("608648016503040 12a".replace(" ", ""), "2b0e030207"),  # AES-256-CBC to single DES
        ("608648016503040 12a".replace(" ", ""), "2a864886f70d0302"),  # to RC2
    ],
)
def test_single_des_and_rc2_are_refused_by_name(client: ScepClient, old: str, new: str) -> None:
    sealed = seal_envelope(CSR, named(RA), rsa_key(1).public_key(), AES256)
    with pytest.raises(BadAlgorithm, match="content cipher"):
        read_envelope(with_other_oid(sealed, bytes.fromhex(old), bytes.fromhex(new)))


def test_md5_is_refused_by_name_before_anything_is_verified(client: ScepClient) -> None:
    sha256, md5 = bytes.fromhex("608648016503040201"), bytes.fromhex("2a864886f70d0205")
    message = read_message(with_other_oid(client.request(CSR), sha256, md5))
    assert message.transaction_id == client.transaction_id
    with pytest.raises(BadAlgorithm, match="md5"):
        message.verify()


def test_a_changed_attribute_or_content_does_not_verify(client: ScepClient) -> None:
    other = ScepClient(client.key, client.certificate, RA, transaction_id=client.transaction_id)
    der = client.request(CSR)
    with pytest.raises(BadMessage, match="signature"):
        read_message(der.replace(client.nonce, other.nonce)).verify()
    at = der.index(read_message(der).content) + 500
    with pytest.raises(BadMessage, match="messageDigest"):
        read_message(der[:at] + bytes([der[at] ^ 1]) + der[at + 1 :]).verify()


def test_a_signer_that_is_not_in_the_message_or_has_no_rsa_key_is_refused(client: ScepClient) -> None:
    attributes: dict[str, bytes] = {
        Attribute.MESSAGE_TYPE: printable("19"),
        Attribute.TRANSACTION_ID: printable("1"),
        Attribute.SENDER_NONCE: octets(b"n"),
    }
    der = signed_data(CSR, attributes, client.certificate, client.key, hashes.SHA256(), [RA])
    with pytest.raises(BadMessage, match="not in the message"):
        read_message(der).verify()
    key = ec.generate_private_key(ec.SECP256R1())
    by_curve = self_signed(key, "curve")  # type: ignore[arg-type]
    der = signed_data(CSR, attributes, by_curve, client.key, hashes.SHA256())
    with pytest.raises(BadAlgorithm, match="RSA"):
        read_message(der).verify()


def test_what_is_no_message_is_malformed(client: ScepClient) -> None:
    der = client.request(CSR)
    no_nonce = signed_data(
        CSR,
        {str(Attribute.MESSAGE_TYPE): printable("19"), str(Attribute.TRANSACTION_ID): printable("1")},
        client.certificate,
        client.key,
        hashes.SHA256(),
    )
    client.transaction_id = "x" * 600
    for data in (b"", b"\x30", b"\x30\x80", der[:-1], der + b"\x00", CSR, no_nonce, client.request(CSR)):
        with pytest.raises(Malformed):
            read_message(data)
    with pytest.raises(Malformed, match="at most"):
        read_message(bytes(LARGEST_MESSAGE + 1))


def test_nesting_is_no_way_to_stop_the_parser() -> None:
    for deep in (b"\x30\x80" * 50_000, b"\x24\x80" * 50_000, b"\xa0\x84\xff\xff\xff\xff" * 10_000):
        started = time.monotonic()
        with pytest.raises(Malformed):
            read_message(deep)
        assert time.monotonic() - started < 2


def test_300_mutated_messages_end_in_words(client: ScepClient) -> None:
    """Only what the protocol has an answer for is raised, each in little time."""
    chance = random.Random(8894)
    seeds = [client.request(CSR), constructed_message(client)]
    outcomes: dict[str, int] = {}
    for number in range(300):
        data = mutated(seeds[number % 2], chance)
        started = time.monotonic()
        outcome = read_to_the_end(data)
        assert time.monotonic() - started < 2
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert set(outcomes) <= {"read", "Malformed", "BadMessage", "BadAlgorithm", "Undecipherable"}
    assert {"Malformed", "BadMessage"} <= set(outcomes), outcomes


def read_to_the_end(data: bytes) -> str:
    try:
        message = read_message(data)
        message.verify()
        opened(message)
    except (Malformed, BadMessage, BadAlgorithm, Undecipherable) as error:
        return type(error).__name__
    return "read"


def constructed_message(client: ScepClient) -> bytes:
    sealed = seal_envelope(CSR, named(RA), rsa_key(1).public_key(), AES256)
    return client.signed(constructed(sealed), MessageType.PKCS_REQ, {})


def mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(min(len(changed), 400 if chance.random() < 0.5 else len(changed)))
        kind = chance.randrange(4)
        if kind == 0:
            changed[at] = chance.randrange(256)
        elif kind == 1:
            del changed[at : at + chance.randint(1, 8)]
        elif kind == 2:
            changed[at:at] = chance.randbytes(chance.randint(1, 8))
        else:
            changed[at] ^= 1 << chance.randrange(8)
    return bytes(changed)


def with_other_oid(der: bytes, old: bytes, new: bytes) -> bytes:
    """The same structure with another OID, its lengths adapted."""
    from asn1crypto import cms

    info = cms.ContentInfo.load(der)
    spare = {
        bytes.fromhex("2b0e030207"): "1.3.14.3.2.7",
        bytes.fromhex("2a864886f70d0302"): "1.2.840.113549.3.2",
        bytes.fromhex("2a864886f70d0205"): "md5",
    }[new]
    if info["content_type"].native == "enveloped_data":
        algorithm = info["content"]["encrypted_content_info"]["content_encryption_algorithm"]
        iv = octets(algorithm["parameters"].native)
        oid = bytes((0x06, len(new))) + new
        replaced = bytes((0x30, len(oid) + len(iv))) + oid + iv
        return reencoded(der, bytes(algorithm.dump()), replaced)
    for signer in info["content"]["signer_infos"]:
        signer["digest_algorithm"] = {"algorithm": spare}
    return bytes(info.dump(force=True))


def reencoded(der: bytes, old: bytes, new: bytes) -> bytes:
    """Elements around a changed one, each with its new length; the change is somewhere in the last child of each."""
    from certrail.pki.der import one
    from certrail.pki.enrollment.ber import tlv

    def rebuilt(raw: bytes) -> bytes:
        if raw == old:
            return new
        element = one(raw)
        if old not in raw or not element.tag & 0x20:
            return raw
        return tlv(element.tag, b"".join(rebuilt(child.raw) for child in element.children()))

    return rebuilt(der)

from collections.abc import Callable
from datetime import timedelta
from functools import cache

import pytest
from tests.support.chains import START, Authority

from certrail.domain.content import KeyAlgorithm, Subject
from certrail.pki.authority import intermediate, self_signed_root
from certrail.pki.keys import PrivateKey, generate


@pytest.fixture(scope="session")
def key_for() -> Callable[..., PrivateKey]:
    """One key per algorithm and use for the whole session: large RSA keys are slow to make."""

    @cache
    def make(algorithm: KeyAlgorithm, use: str = "leaf") -> PrivateKey:
        return generate(algorithm)

    return make


@pytest.fixture(scope="session")
def root_for(key_for: Callable[..., PrivateKey]) -> Callable[..., Authority]:
    @cache
    def make(algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256, max_path_length: int | None = None) -> Authority:
        key = key_for(algorithm, "root")
        certificate = self_signed_root(
            Subject(common_name=f"Root {algorithm}", organization="Example", country="DE"),
            key,
            1001,
            START,
            START + timedelta(days=3650),
            max_path_length,
        )
        return Authority(certificate, key)

    return make


@pytest.fixture(scope="session")
def intermediate_for(
    key_for: Callable[..., PrivateKey], root_for: Callable[..., Authority]
) -> Callable[..., Authority]:
    @cache
    def make(algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256) -> Authority:
        root, key = root_for(algorithm), key_for(algorithm, "intermediate")
        certificate = intermediate(
            Subject(common_name=f"Intermediate {algorithm}"),
            key.public_key(),
            root.certificate,
            root.key,
            serial=1002,
            not_before=START,
            not_after=START + timedelta(days=365),
            max_path_length=0,
        )
        return Authority(certificate, key)

    return make

"""What the destination does beyond the contract, and that it keeps the contract, on a real OpenBao."""

import socket
from collections.abc import Callable, Iterator, Mapping

import pytest
from pydantic import ValidationError
from tests.support.openbao import Provider, provider

from certrail_destination_vault_kv import VaultKv, VaultKvConfig
from certrail_sdk import ConcurrentModification, Deployment, Permanent, Unauthorized
from certrail_sdk.testing import DestinationConformance, make_bundle, make_deployment, renewed, with_receipt

from .bao import empty, prepare, secrets, vault_kv

Login = Mapping[str, str]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Provider, Login]]:
    with provider(tmp_path_factory.mktemp("openbao")) as bao:
        yield bao, prepare(bao)


@pytest.fixture
def bao(shared: tuple[Provider, Login]) -> Provider:
    empty(shared[0])
    return shared[0]


@pytest.fixture
def login(shared: tuple[Provider, Login]) -> Login:
    return shared[1]


class TestConformance(DestinationConformance):
    @pytest.fixture
    def build(self, bao: Provider, login: Login) -> Callable[[], VaultKv]:
        return lambda: vault_kv(bao, login)

    @pytest.fixture
    def broken(self, bao: Provider, login: Login) -> VaultKv:
        return vault_kv(bao, login, secret_id="not-the-secret-id-of-the-role")

    @pytest.fixture
    def stored(self, bao: Provider) -> Callable[[], Mapping[str, str]]:
        def read() -> dict[str, str]:
            found = secrets(bao) | secrets(bao, "other")
            return {name: "\n".join(map(str, data.values())) for name, data in found.items()}

        return read

    @pytest.fixture
    def foreign(self, bao: Provider) -> Callable[[str], object]:
        by_hand = {"certificate": make_bundle("by-hand.example").certificate}
        return lambda name: bao.put(f"/secret/data/web/{name}", data=by_hand)

    @pytest.fixture
    def elsewhere(self, bao: Provider) -> VaultKv:
        return vault_kv(bao, {"token": "root"}, mount="other")

    @pytest.fixture
    def busy(self, bao: Provider, login: Login) -> Iterator[VaultKv]:
        quota = {"rate": 0.001, "path": "auth/approle/"}
        bao.root.post("/sys/quotas/rate-limit/tests", json=quota).raise_for_status()
        while bao.root.post("/auth/approle/login", json=dict(login)).status_code != 429:
            pass
        yield vault_kv(bao, login)
        bao.root.delete("/sys/quotas/rate-limit/tests").raise_for_status()

    @pytest.fixture
    def unreachable(self, bao: Provider, login: Login) -> VaultKv:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        return vault_kv(bao, login, url=f"http://127.0.0.1:{port}")


async def test_a_renewal_is_a_version_of_the_same_path(bao: Provider, login: Login) -> None:
    first = make_deployment()
    one = await vault_kv(bao, login).deploy(first)
    newer = renewed(first)
    two = await vault_kv(bao, login).deploy(with_receipt(newer, one))
    assert (one.version, two.version) == ("1", "2")
    assert one.reference == two.reference == f"{bao.url}/v1/secret/data/web/conformance"
    assert newer.bundle.private_key
    assert secrets(bao)["secret/conformance"] == {
        "certificate": newer.bundle.certificate,
        "chain": newer.bundle.chain_pem,
        "private_key": newer.bundle.private_key.get_secret_value(),
        "fingerprint": newer.bundle.fingerprint,
        "certrail_delivery": newer.delivery,
    }


async def test_a_deleted_version_is_followed_by_the_next(bao: Provider, login: Login) -> None:
    deployment = make_deployment()
    receipt = await vault_kv(bao, login).deploy(deployment)
    bao.root.delete("/secret/data/web/conformance").raise_for_status()
    assert not (await vault_kv(bao, login).observe(with_receipt(deployment, receipt))).present
    again = await vault_kv(bao, login).deploy(with_receipt(deployment, receipt))
    assert (again.version, again.changed) == ("2", True)


async def test_a_version_that_somebody_wrote_meanwhile_is_not_overwritten(
    bao: Provider, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = make_deployment()
    destination = vault_kv(bao, login)
    receipt = await destination.deploy(deployment)
    call = VaultKv._call

    async def overtaken(self: VaultKv, action: str, made: Callable[[object], object]) -> object:
        if action == "create":
            written = secrets(bao)["secret/conformance"] | {"note": "by somebody else"}
            bao.put("/secret/data/web/conformance", data=written)
        return await call(self, action, made)

    monkeypatch.setattr(VaultKv, "_call", overtaken)
    with pytest.raises(ConcurrentModification):
        await destination.deploy(with_receipt(renewed(deployment), receipt))
    assert secrets(bao)["secret/conformance"]["note"] == "by somebody else"


async def test_the_policy_of_the_page_is_enough_and_no_more(bao: Provider, login: Login) -> None:
    with pytest.raises(Unauthorized, match="permission denied"):
        await vault_kv(bao, login, path="elsewhere").deploy(make_deployment())
    with pytest.raises(Unauthorized):
        await vault_kv(bao, {"token": "no-such-token"}).check()


async def test_without_a_key_nothing_is_written(bao: Provider, login: Login) -> None:
    deployment: Deployment = make_deployment()
    keyless = deployment.bundle.model_copy(update={"private_key": None})
    with pytest.raises(Permanent, match="Vault KV needs the private key"):
        await vault_kv(bao, login).deploy(deployment.model_copy(update={"bundle": keyless}))
    assert not secrets(bao)


@pytest.mark.parametrize(
    "values",
    [{}, {"token": "a-token", "role_id": "r", "secret_id": "s-s-s-s"}, {"role_id": "r"}],
)
def test_there_is_one_way_in(values: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="give a token, or role_id with secret_id"):
        VaultKvConfig.parse({"url": "https://vault.example", **values})

"""The destination against the stand-in, and the contract's rules."""

import asyncio
import base64
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import pytest
from azure.identity import ClientSecretCredential
from azure.keyvault.certificates import CertificateClient
from azure.keyvault.secrets import SecretClient
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from certrail_destination_azure_key_vault import AzureKeyVault, AzureKeyVaultConfig
from certrail_destination_azure_key_vault.destination import TAG
from certrail_fakes.key_vault import KeyVaultServer, Vault
from certrail_sdk import ConcurrentModification, Permanent, RateLimited, Retryable, Target, Unauthorized, pem
from certrail_sdk.testing import DestinationConformance, make_bundle, make_deployment, renewed
from certrail_sdk.testing.destination import with_receipt
from certrail_sdk.testing.watch import own_threads


@pytest.fixture(scope="module")
def shared() -> Iterator[KeyVaultServer]:
    with KeyVaultServer() as server:
        yield server


@pytest.fixture
def server(shared: KeyVaultServer) -> KeyVaultServer:
    tokens = shared.vault.tokens
    shared.vault = Vault(tokens=tokens)
    return shared


def plugin(server: KeyVaultServer, **config: str) -> AzureKeyVault:
    values = {
        "tenant_id": server.tenant_id,
        "client_id": server.client_id,
        "client_secret": server.client_secret,
        "authority_host": server.url,
        "ca_file": server.ca_file,
        "vault_url": server.url,
        **config,
    }
    return AzureKeyVault(AzureKeyVaultConfig.parse(values))


class TestConformance(DestinationConformance):
    @pytest.fixture
    def build(self, server: KeyVaultServer) -> Callable[[], AzureKeyVault]:
        return lambda: plugin(server)

    @pytest.fixture
    def broken(self, server: KeyVaultServer) -> AzureKeyVault:
        return plugin(server, client_secret="another-secret")

    @pytest.fixture
    def other(self) -> Iterator[KeyVaultServer]:
        with KeyVaultServer() as server:
            yield server

    @pytest.fixture
    def elsewhere(self, other: KeyVaultServer) -> AzureKeyVault:
        return plugin(other)

    @pytest.fixture
    def stored(self, server: KeyVaultServer, other: KeyVaultServer) -> Callable[[], Mapping[str, str]]:
        return lambda: in_full(server) | in_full(other)

    @pytest.fixture
    def foreign(self, server: KeyVaultServer) -> Callable[[str], object]:
        bundle = make_bundle("by-hand.example")
        content = pem.pkcs12(bundle)
        return lambda name: certificates(server).import_certificate(name, content)

    @pytest.fixture
    def busy(self, server: KeyVaultServer) -> AzureKeyVault:
        server.vault.throttle_next = 1000
        return plugin(server)

    @pytest.fixture
    def unreachable(self, server: KeyVaultServer) -> AzureKeyVault:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        return plugin(server, vault_url=f"https://127.0.0.1:{port}")


def credential(server: KeyVaultServer) -> ClientSecretCredential:
    return ClientSecretCredential(
        server.tenant_id,
        server.client_id,
        server.client_secret,
        authority=server.url,
        disable_instance_discovery=True,
        connection_verify=server.ca_file,
    )


def secrets(server: KeyVaultServer) -> SecretClient:
    return SecretClient(server.url, credential(server), connection_verify=server.ca_file)


def certificates(server: KeyVaultServer) -> CertificateClient:
    return CertificateClient(server.url, credential(server), connection_verify=server.ca_file)


def in_full(server: KeyVaultServer) -> dict[str, str]:
    """The present version of each certificate, with its tags."""
    return {
        f"{server.url} {name}": shown(server, name) for name in server.vault.versions if server.versions(name)
    }


def shown(server: KeyVaultServer, name: str) -> str:
    key, leaf, chain = pkcs12.load_key_and_certificates(
        base64.b64decode(secrets(server).get_secret(name).value or ""), None
    )
    assert key is not None
    assert leaf is not None
    certified = "".join(one.public_bytes(Encoding.PEM).decode() for one in (leaf, *chain))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return f"{certified}{private}{server.versions(name)[-1].get('tags')}"


async def test_a_lost_answer_makes_no_second_version(server: KeyVaultServer) -> None:
    deployment = make_deployment("web")
    server.vault.cut_after_import = 1
    with pytest.raises(Retryable):
        await plugin(server).deploy(deployment)
    receipt = await plugin(server).deploy(deployment.model_copy(update={"may_exist": True}))
    assert [v["id"].rsplit("/", 1)[1] for v in server.versions("web")] == [receipt.version]


async def test_a_renewal_is_a_version_and_the_older_one_stays(server: KeyVaultServer) -> None:
    first = make_deployment("web")
    receipt = await plugin(server).deploy(first)
    second = await plugin(server).deploy(with_receipt(renewed(first), receipt))
    assert second.reference == receipt.reference
    assert second.version != receipt.version
    assert secrets(server).get_secret("web", receipt.version).value


@pytest.mark.parametrize("content_type", ["pfx", "pem"])
async def test_key_and_full_chain_land(server: KeyVaultServer, content_type: str) -> None:
    deployment = make_deployment("web")
    await plugin(server, content_type=content_type).deploy(deployment)
    value = secrets(server).get_secret("web").value or ""
    if content_type == "pfx":
        key, leaf, chain = pkcs12.load_key_and_certificates(base64.b64decode(value), None)
        assert key is not None
        assert leaf is not None
        found = [leaf, *chain]
    else:
        assert deployment.bundle.private_key is not None
        assert deployment.bundle.private_key.get_secret_value() in value
        found = x509.load_pem_x509_certificates(value.encode())
    wanted = x509.load_pem_x509_certificates(
        (deployment.bundle.certificate + deployment.bundle.chain_pem).encode()
    )
    assert found == wanted


async def test_throttling_is_left_to_the_engine(server: KeyVaultServer) -> None:
    server.vault.throttle_next = 1
    with pytest.raises(RateLimited) as raised:
        await plugin(server).deploy(make_deployment("web"))
    assert raised.value.retry_after == timedelta(seconds=30)


async def test_a_deleted_name_is_explained(server: KeyVaultServer) -> None:
    deployment = make_deployment("web")
    await plugin(server).deploy(deployment)
    await plugin(server).remove(deployment)
    with pytest.raises(Permanent, match="can still be recovered") as raised:
        await plugin(server).deploy(deployment)
    assert "on_soft_deleted" in raised.value.action


async def test_a_deleted_name_is_recovered_when_asked(server: KeyVaultServer) -> None:
    deployment = make_deployment("web")
    await plugin(server).deploy(deployment)
    await plugin(server).remove(deployment)
    receipt = await plugin(server, on_soft_deleted="recover").deploy(renewed(deployment))
    assert len(server.versions("web")) == 2
    assert receipt.changed


async def test_a_certificate_that_is_back_needs_no_second_version(server: KeyVaultServer) -> None:
    deployment = make_deployment("web")
    first = await plugin(server).deploy(deployment)
    await plugin(server).remove(deployment)
    receipt = await plugin(server, on_soft_deleted="recover").deploy(deployment)
    assert (receipt.version, receipt.changed) == (first.version, True)
    assert len(server.versions("web")) == 1


async def test_a_deletion_under_way_is_waited_for(server: KeyVaultServer) -> None:
    deployment = make_deployment("web")
    await plugin(server).deploy(deployment)
    server.vault.settle_slowly = True
    await plugin(server).remove(deployment)
    with pytest.raises(Retryable) as raised:
        await plugin(server, on_soft_deleted="recover").deploy(deployment)
    assert raised.value.retry_after
    server.settle()
    server.vault.settle_slowly = False
    assert (await plugin(server, on_soft_deleted="recover").deploy(deployment)).fingerprint


async def test_a_recovery_under_way_is_waited_for(server: KeyVaultServer) -> None:
    deployment = make_deployment("web")
    await plugin(server).deploy(deployment)
    await plugin(server).remove(deployment)
    server.vault.settle_slowly = True
    newer = renewed(deployment)
    with pytest.raises(Retryable, match="is being recovered") as begun:
        await plugin(server, on_soft_deleted="recover").deploy(newer)
    assert begun.value.retry_after
    with pytest.raises(ConcurrentModification, match="while recovering"):
        await plugin(server, on_soft_deleted="recover").deploy(newer)
    server.appear()
    with pytest.raises(Retryable, match="currently being recovered") as raised:
        await plugin(server, on_soft_deleted="recover").deploy(newer)
    assert raised.value.retry_after
    server.settle()
    receipt = await plugin(server, on_soft_deleted="recover").deploy(newer)
    assert receipt.fingerprint == newer.bundle.fingerprint
    assert len(server.versions("web")) == 2


@pytest.mark.parametrize("mark", ["another delivery", None])
@pytest.mark.parametrize("on_soft_deleted", ["explain", "recover"])
async def test_a_deleted_certificate_of_others_stays_deleted(
    server: KeyVaultServer, mark: str | None, on_soft_deleted: str
) -> None:
    foreign = make_deployment("web")
    await plugin(server).deploy(foreign)
    server.versions("web")[0]["tags"] = {TAG: mark} if mark else None
    certificates(server).begin_delete_certificate("web")
    recovering = plugin(server, on_soft_deleted=on_soft_deleted)
    with pytest.raises(Permanent, match="deleted certificate 'web' that was not made by this delivery") as e:
        await recovering.deploy(renewed(foreign))
    assert "on_soft_deleted" not in e.value.action
    assert not server.versions("web")
    assert len(server.vault.deleted["web"]) == 1


@pytest.mark.parametrize("changed", ["chain", "form"])
async def test_another_chain_or_form_is_brought_too(server: KeyVaultServer, changed: str) -> None:
    deployment = make_deployment("web")
    receipt = await plugin(server).deploy(deployment)
    content_type = "pem" if changed == "form" else "pfx"
    if changed == "chain":
        bundle = deployment.bundle.model_copy(update={"root": make_deployment("x").bundle.chain[0]})
        deployment = deployment.model_copy(update={"bundle": bundle})
    desired = with_receipt(deployment, receipt)
    assert (await plugin(server, content_type=content_type).deploy(desired)).changed
    assert not (await plugin(server, content_type=content_type).deploy(desired)).changed
    assert len(server.versions("web")) == 2


async def test_what_stands_in_another_vault_is_not_meant(server: KeyVaultServer) -> None:
    deployment = make_deployment("web")
    with KeyVaultServer() as former:
        old = await plugin(former).deploy(deployment)
    await plugin(server).deploy(with_receipt(deployment, old))
    target = Target(delivery=deployment.delivery, name="web", receipt=old)
    assert not (await plugin(server).observe(target)).present
    with pytest.raises(Permanent, match="is not in the vault"):
        await plugin(server).remove(target)
    assert len(server.versions("web")) == 1


async def test_cancelling_waits_for_an_import_that_is_under_way(server: KeyVaultServer) -> None:
    server.hold("POST /certificates/web/import")
    deployment = make_deployment("web")
    delivery = asyncio.create_task(plugin(server).deploy(deployment))
    assert await asyncio.to_thread(server.wait_until_held)
    delivery.cancel()
    ended, _ = await asyncio.wait({delivery}, timeout=0.1)
    assert not ended
    server.release()
    with pytest.raises(asyncio.CancelledError):
        await delivery
    assert len(server.versions("web")) == 1


async def test_nothing_is_begun_after_cancelling(server: KeyVaultServer) -> None:
    server.hold("GET /certificates/web")
    async with own_threads():
        delivery = asyncio.create_task(plugin(server).deploy(make_deployment("web")))
        assert await asyncio.to_thread(server.wait_until_held)
        delivery.cancel()
        with pytest.raises(asyncio.CancelledError):
            await delivery
        server.release()
    assert not any("import" in call for call in server.vault.calls)


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (503, Retryable)])
async def test_a_busy_token_endpoint_is_tried_later(
    server: KeyVaultServer, status: int, kind: type[Retryable]
) -> None:
    server.vault.no_tokens = status
    with pytest.raises(kind):
        await plugin(server).deploy(make_deployment("web"))


async def test_a_token_endpoint_that_cannot_be_reached_is_tried_later(server: KeyVaultServer) -> None:
    with KeyVaultServer() as gone:
        pass
    with pytest.raises(Retryable, match="cannot be reached"):
        await plugin(server, authority_host=gone.url).deploy(make_deployment("web"))


async def test_foreign_certificates_are_left_alone(server: KeyVaultServer) -> None:
    await plugin(server).deploy(make_deployment("web"))
    with pytest.raises(Permanent, match="not made by this delivery"):
        await plugin(server).deploy(make_deployment("web"))
    assert len(server.versions("web")) == 1


@pytest.mark.parametrize("inner", ["AccessDenied", "ForbiddenByFirewall"])
async def test_refusals_name_the_permission_and_the_reason(server: KeyVaultServer, inner: str) -> None:
    server.vault.forbidden = inner
    with pytest.raises(Unauthorized, match=rf"certificates/get: refused \({inner}\)"):
        await plugin(server).deploy(make_deployment("web"))

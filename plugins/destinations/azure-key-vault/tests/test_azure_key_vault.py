"""The destination against the stand-in, and the contract's rules."""

import base64
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from certrail_destination_azure_key_vault import AzureKeyVault, AzureKeyVaultConfig
from certrail_sdk import Permanent, RateLimited, Retryable, Unauthorized
from certrail_sdk.testing import DestinationConformance, make_deployment, renewed
from certrail_sdk.testing.destination import with_receipt
from certrail_standins.key_vault import KeyVaultServer, Vault


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


def secrets(server: KeyVaultServer) -> SecretClient:
    trust = {"connection_verify": server.ca_file}
    credential = ClientSecretCredential(
        server.tenant_id,
        server.client_id,
        server.client_secret,
        authority=server.url,
        disable_instance_discovery=True,
        **trust,
    )
    return SecretClient(server.url, credential, **trust)


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


async def test_a_deletion_under_way_is_waited_for(server: KeyVaultServer) -> None:
    deployment = make_deployment("web")
    await plugin(server).deploy(deployment)
    server.vault.settle_slowly = True
    await plugin(server).remove(deployment)
    with pytest.raises(Retryable):
        await plugin(server, on_soft_deleted="recover").deploy(deployment)
    server.settle()
    assert (await plugin(server, on_soft_deleted="recover").deploy(deployment)).fingerprint


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

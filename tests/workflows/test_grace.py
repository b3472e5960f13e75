"""A call to a destination ends before a try that is no longer wanted is given up."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.httpsession import URLLib3Session
from requests.adapters import HTTPAdapter

from certrail_destination_aws_acm import AwsAcm, AwsAcmConfig
from certrail_destination_azure_key_vault import AzureKeyVault, AzureKeyVaultConfig
from certrail_fakes.acm import AcmServer
from certrail_fakes.key_vault import KeyVaultServer
from certrail_sdk import PluginError
from certrail_sdk.testing import make_deployment
from certrail_workflows.limits import CANCEL_GRACE

Timeouts = list[tuple[float, float]]


def pair(timeout: Any) -> tuple[float, float]:
    """To connect, and to read: one number stands for both."""
    return timeout if isinstance(timeout, tuple) else (timeout, timeout)


def assert_within_grace(timeouts: Timeouts) -> None:
    assert all(connect + read < CANCEL_GRACE.total_seconds() for connect, read in timeouts)


async def test_key_vault(monkeypatch: pytest.MonkeyPatch) -> None:
    timeouts: Timeouts = []
    paths: list[str] = []
    sends = HTTPAdapter.send

    def send(self: HTTPAdapter, request: Any, *rest: Any, timeout: Any = None, **more: Any) -> Any:
        timeouts.append(pair(timeout))
        paths.append(request.path_url.partition("?")[0])
        return sends(self, request, *rest, timeout=timeout, **more)  # type: ignore[misc]

    monkeypatch.setattr(HTTPAdapter, "send", send)
    with KeyVaultServer() as server:
        config = {
            "tenant_id": server.tenant_id,
            "client_id": server.client_id,
            "client_secret": server.client_secret,
            "authority_host": server.url,
            "ca_file": server.ca_file,
            "vault_url": server.url,
        }
        await AzureKeyVault(AzureKeyVaultConfig.parse(config)).deploy(make_deployment("web"))
    assert paths[-1] == "/certificates/web/import"
    assert any(path.endswith("/token") for path in paths)
    assert_within_grace(timeouts)


@pytest.fixture
def of_botocore(monkeypatch: pytest.MonkeyPatch) -> Timeouts:
    """The timeouts of every HTTP session that botocore opens."""
    timeouts: Timeouts = []
    makes = URLLib3Session.__init__

    def make(self: URLLib3Session, *rest: Any, timeout: Any = None, **more: Any) -> None:
        timeouts.append(pair(timeout))
        makes(self, *rest, timeout=timeout, **more)

    monkeypatch.setattr(URLLib3Session, "__init__", make)
    return timeouts


async def test_acm_with_a_role(of_botocore: Timeouts) -> None:
    with AcmServer() as server:
        config = {
            "region": server.region,
            "access_key_id": server.access_key_id,
            "secret_access_key": server.secret_access_key,
            "endpoint_url": server.url,
            "sts_endpoint_url": server.url,
            "role_arn": f"arn:aws:iam::{server.account_id}:role/deployer",
        }
        await AwsAcm(AwsAcmConfig.parse(config)).deploy(make_deployment("web"))
    assert len(of_botocore) == 2
    assert_within_grace(of_botocore)


async def test_acm_with_the_credentials_of_the_environment(
    of_botocore: Timeouts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "token").write_text("of a workload")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    with AcmServer() as server:
        monkeypatch.setenv("AWS_ROLE_ARN", f"arn:aws:iam::{server.account_id}:role/deployer")
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        config = {"region": server.region, "endpoint_url": server.url}
        with suppress(PluginError):  # whether or not the role is given: it was asked for
            await AwsAcm(AwsAcmConfig.parse(config)).check()
    assert len(of_botocore) >= 2
    assert_within_grace(of_botocore)

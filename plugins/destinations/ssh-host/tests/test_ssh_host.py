"""The destination keeps the contract on OpenSSH's sshd and on asyncssh's server, and what it does beyond it."""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import asyncssh
import pytest
from pydantic import ValidationError

from certrail_destination_ssh_host import SshHost, SshHostConfig
from certrail_fakes.ssh_host import Account, ssh_host
from certrail_sdk import Deployment, Misconfigured, Permanent, pem
from certrail_sdk.testing import DestinationConformance, make_bundle, make_deployment, renewed, with_receipt


@pytest.fixture(params=["asyncssh", pytest.param("sshd", marks=pytest.mark.interop)])
async def account(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Account]:
    (tmp_path / "server").mkdir()
    (tmp_path / "tls").mkdir()
    (tmp_path / "elsewhere").mkdir()
    async with ssh_host(tmp_path / "server", real=request.param == "sshd") as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "tls"


def host(account: Account, folder: Path, **changes: object) -> SshHost:
    values: dict[str, object] = {
        "host": account.host,
        "port": account.port,
        "username": account.username,
        "private_key": account.private_key,
        "host_key": account.host_key,
        "directory": str(folder),
    }
    return SshHost(SshHostConfig.parse(values | changes))


def in_full(place: Path) -> str:
    files = place / "current" if (place / "current").exists() else place
    return "".join(path.read_text() for path in sorted(files.iterdir()) if path.is_file())


NO_PAUSES = {"busy": "sshd demands no pauses: it drops connections, as one that cannot be reached"}


class TestConformance(DestinationConformance):
    without = NO_PAUSES

    @pytest.fixture
    def build(self, account: Account, folder: Path) -> Callable[[], SshHost]:
        return lambda: host(account, folder, reload=["true"], health=["test", "-d", str(folder)])

    @pytest.fixture
    def broken(self, account: Account, folder: Path) -> SshHost:
        stranger = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
        return host(account, folder, private_key=stranger)

    @pytest.fixture
    def stored(self, folder: Path) -> Callable[[], Mapping[str, str]]:
        return lambda: {
            str(place): in_full(place)
            for parent in (folder, folder.parent / "elsewhere")
            for place in parent.iterdir()
        }

    @pytest.fixture
    def foreign(self, folder: Path) -> Callable[[str], None]:
        def put(name: str) -> None:
            (folder / name).mkdir()
            (folder / name / "site.pem").write_text(make_bundle("by-hand.example").certificate)

        return put

    @pytest.fixture
    def elsewhere(self, account: Account, folder: Path) -> SshHost:
        return host(account, folder.parent / "elsewhere")

    @pytest.fixture
    def unreachable(self, account: Account, folder: Path) -> SshHost:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        return host(account, folder, port=port)


@pytest.fixture
def deployment() -> Deployment:
    return make_deployment()


async def test_the_pair_is_switched_in_one_step_with_its_modes(
    account: Account, folder: Path, deployment: Deployment
) -> None:
    destination = host(account, folder)
    first = await destination.deploy(deployment)
    current = folder / "conformance/current"
    assert current.is_symlink()
    assert not Path(os.readlink(current)).is_absolute()
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in current.iterdir() if path.name[0] != "."
    }
    assert modes == {"fullchain.pem": 0o644, "privkey.pem": 0o600}
    newer = renewed(deployment)
    await destination.deploy(with_receipt(newer, first))
    assert (current / "fullchain.pem").read_text() == pem.full_chain(newer.bundle)
    assert len(list((folder / "conformance").iterdir())) == 3, "the mark, the link and one version"


async def test_the_service_reloads_with_each_new_certificate_only(
    account: Account, folder: Path, deployment: Deployment
) -> None:
    log = folder.parent / "reloads"
    destination = host(account, folder, reload=["sh", "-c", f"echo reloaded >> {log}"])
    first = await destination.deploy(deployment)
    await destination.deploy(with_receipt(deployment, first))
    await destination.deploy(with_receipt(renewed(deployment), first))
    assert log.read_text().splitlines() == ["reloaded"] * 2


async def test_arguments_are_never_read_by_a_shell(
    account: Account, folder: Path, deployment: Deployment
) -> None:
    name = "a; touch pwned $(id) 'quoted' \"twice\""
    await host(account, folder, reload=["touch", str(folder.parent / name)]).deploy(deployment)
    assert (folder.parent / name).exists()


@pytest.mark.parametrize("failing", ["reload", "health"])
async def test_the_last_good_certificate_is_restored_when_the_service_refuses(
    account: Account, folder: Path, deployment: Deployment, failing: str
) -> None:
    """The command looks at the certificate itself: the former one works, the new one does not."""
    good = folder.parent / "good.pem"
    good.write_text(pem.full_chain(deployment.bundle))
    command = ["cmp", str(folder / "conformance/current/fullchain.pem"), str(good)]
    destination = host(account, folder, **{failing: command})
    first = await destination.deploy(deployment)
    newer = with_receipt(renewed(deployment), first)
    with pytest.raises(
        Permanent, match=r"cmp ended with 1.*former certificate was restored and works"
    ) as raised:
        await destination.deploy(newer)
    assert "retry the delivery by hand" in raised.value.action
    assert (folder / "conformance/current/fullchain.pem").read_text() == good.read_text()
    assert pem.key_fits(good.read_text(), (folder / "conformance/current/privkey.pem").read_text())
    seen = await destination.observe(newer)
    assert (seen.fingerprint, seen.key_matches) == (deployment.bundle.fingerprint, True)


async def test_without_a_former_certificate_the_link_is_taken_away(
    account: Account, folder: Path, deployment: Deployment
) -> None:
    with pytest.raises(Permanent, match=r"false ended with 1\. There was no earlier certificate"):
        await host(account, folder, reload=["false"]).deploy(deployment)
    assert not (folder / "conformance/current").is_symlink()
    again = await host(account, folder, reload=["true"]).deploy(deployment)
    assert again.changed


async def test_a_command_that_hangs_is_a_failure(
    account: Account, folder: Path, deployment: Deployment
) -> None:
    destination = host(account, folder, reload=["sleep", "60"], command_seconds=0.3)
    with pytest.raises(Permanent, match=r"sleep took more than 0\.3 s"):
        await destination.deploy(deployment)


async def test_a_deploy_that_was_cut_before_its_reload_reloads_at_the_next_one(
    account: Account, folder: Path, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = folder.parent / "reloads"
    destination = host(account, folder, reload=["sh", "-c", f"echo reloaded >> {log}"])

    async def cut(*_: object) -> str:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(SshHost, "_reload", cut)
        with pytest.raises(asyncio.CancelledError):
            await destination.deploy(deployment)
    assert (folder / "conformance/current").is_symlink()
    assert not log.exists()
    again = await destination.deploy(deployment.model_copy(update={"may_exist": True}))
    assert again.changed
    assert log.read_text() == "reloaded\n"


async def test_another_host_key_or_folder_names_the_field(account: Account, folder: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    with pytest.raises(Misconfigured, match="host_key"):
        await host(account, folder, host_key=other).check()
    with pytest.raises(Misconfigured, match="directory"):
        await host(account, folder / "missing").check()
    with pytest.raises(Misconfigured, match="private_key"):
        await host(account, folder, private_key="no key at all").check()


async def test_one_file_for_those_who_want_it(account: Account, folder: Path, deployment: Deployment) -> None:
    await host(account, folder, format="combined", key_mode="0640").deploy(deployment)
    combined = folder / "conformance/current/combined.pem"
    assert combined.read_text() == pem.full_chain(deployment.bundle) + pem.key_of(deployment.bundle, "")
    assert stat.S_IMODE(combined.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "change", [{"directory": "relative"}, {"host_key": "not a key\nssh-ed25519 AAAA"}, {"key_mode": "999"}]
)
def test_what_would_be_misread_is_refused(change: dict[str, object]) -> None:
    account = Account(22, "certrail", "ssh-ed25519 AAAA", "a private key")
    with pytest.raises(ValidationError):
        host(account, Path("/etc/tls"), **change)

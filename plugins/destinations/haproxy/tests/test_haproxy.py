"""What the destination does beyond the contract, and that it keeps the contract: on a fake and on HAProxy."""

import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from certrail_destination_haproxy import Haproxy
from certrail_sdk import ConcurrentModification, Misconfigured, Permanent, Retryable, Unauthorized, pem
from certrail_sdk.testing import DestinationConformance, make_bundle, make_deployment, renewed, with_receipt
from certrail_sdk.testing.deliveries import target_of, uncertain

from .servers import Place, haproxy, haproxy_at


@pytest.fixture(params=["fake", pytest.param("haproxy", marks=pytest.mark.interop)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with haproxy_at(tmp_path, real=request.param == "haproxy") as found:
        yield found


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Place]:
    with haproxy_at(tmp_path, real=True) as found:
        yield found


NO_PAUSES = {"busy": "HAProxy demands no pauses: it refuses connections"}


class TestConformance(DestinationConformance):
    without = NO_PAUSES

    @pytest.fixture
    def build(self, place: Place) -> Callable[[], Haproxy]:
        return lambda: haproxy(place)

    @pytest.fixture
    def broken(self, place: Place) -> Haproxy:
        return haproxy(place, socket=str(place.root / "operator.sock"))

    @pytest.fixture
    def stored(self, place: Place) -> Callable[[], Mapping[str, str]]:
        return place.stored

    @pytest.fixture
    def foreign(self, place: Place) -> Callable[[str], None]:
        return lambda name: place.puts_by_hand(name, make_bundle("by-hand.example"))

    @pytest.fixture
    def elsewhere(self, place: Place) -> Haproxy:
        other = str(place.root / "other")
        return haproxy(place, folder=other, crt_list=other)

    @pytest.fixture
    def unreachable(self, place: Place) -> Haproxy:
        return haproxy(place, socket=str(place.root / "nobody.sock"))


async def test_the_file_is_what_is_in_memory_and_nobody_elses_to_read(place: Place) -> None:
    deployment = make_deployment()
    receipt = await haproxy(place).deploy(deployment)
    (file,) = place.folder.glob("conformance.*.pem")
    assert receipt.reference == f"haproxy:{place.root}/admin.sock#{file}"
    assert file.read_text() == pem.full_chain(deployment.bundle) + pem.key_of(deployment.bundle, "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert f"SHA1 FingerPrint: {receipt.version}" in place.ask(f"show ssl cert {file}")


async def test_without_files_the_receipt_tells_which_certificate_is_in_memory(place: Place) -> None:
    deployment, destination = make_deployment(), haproxy(place, keep_files=False)
    receipt = await destination.deploy(deployment)
    assert not list(place.folder.glob("conformance.*"))
    known = target_of(with_receipt(deployment, receipt))
    assert (await destination.observe(known)).fingerprint == deployment.bundle.fingerprint
    await destination.deploy(with_receipt(renewed(deployment), receipt))
    drifted = await destination.observe(known)
    assert (drifted.present, drifted.fingerprint) == (True, None), "another one than the receipt says"
    assert (await destination.remove(known)).changed


async def test_a_file_that_a_cut_deployment_did_not_write_is_written(place: Place) -> None:
    """Cut between the commit and the file: the next try finds the memory right, and writes the file only."""
    deployment = make_deployment()
    await haproxy(place, keep_files=False).deploy(deployment)
    assert (await haproxy(place).deploy(uncertain(deployment))).changed
    (file,) = place.folder.glob("conformance.*.pem")
    assert pem.fingerprint(file.read_text()) == deployment.bundle.fingerprint
    assert not (await haproxy(place).deploy(uncertain(deployment))).changed


async def test_a_deployment_that_was_cut_after_its_commit_is_adopted(tmp_path: Path) -> None:
    with haproxy_at(tmp_path, real=False) as place:
        assert place.fake
        deployment, place.fake.runtime.cut_after = make_deployment(), 1
        with pytest.raises(Permanent, match="set ssl cert"):
            await haproxy(place).deploy(deployment)
        await haproxy(place).deploy(uncertain(deployment))
        assert len(place.stored()) == 1


async def test_a_transaction_of_somebody_else_is_left_alone(place: Place) -> None:
    deployment = make_deployment()
    place.puts_by_hand("theirs", make_bundle("theirs.example"))
    file, other = place.folder / "theirs.pem", make_bundle("theirs.example")
    text = pem.full_chain(other) + pem.key_of(other, "")
    place.ask(f"set ssl cert {file} <<\n{text}\n")
    with pytest.raises(ConcurrentModification, match="is under way"):
        await haproxy(place).deploy(deployment)
    assert "Success!" in place.ask(f"commit ssl cert {file}")
    assert (await haproxy(place).deploy(deployment)).changed


async def test_what_haproxy_refuses_is_aborted_and_not_written(place: Place) -> None:
    deployment = make_deployment()
    known = with_receipt(deployment, await haproxy(place).deploy(deployment))
    stranger = make_bundle("other.example").private_key
    unfit = renewed(deployment).bundle.model_copy(update={"private_key": stranger})
    with pytest.raises(Permanent, match="inconsistencies between private key and certificate"):
        await haproxy(place).deploy(known.model_copy(update={"bundle": unfit}))
    assert "# transaction" not in place.ask("show ssl cert")
    (file,) = place.folder.glob("conformance.*.pem")
    assert pem.fingerprint(file.read_text()) == deployment.bundle.fingerprint
    assert (await haproxy(place).observe(target_of(known))).fingerprint == deployment.bundle.fingerprint


async def test_a_socket_or_list_that_cannot_work_is_named(place: Place) -> None:
    with pytest.raises(Misconfigured, match="crt_list"):
        await haproxy(place, crt_list="/no/such/list").check()
    with pytest.raises(Misconfigured, match="folder"):
        await haproxy(place, folder="/no/such/folder").check()
    with pytest.raises(Unauthorized, match="level operator"):
        await haproxy(place, socket=str(place.root / "operator.sock")).check()
    with pytest.raises(Retryable):
        await haproxy(place, socket="127.0.0.1:9").check()


@pytest.mark.interop
async def test_haproxy_serves_the_renewed_certificate_at_once_and_after_a_restart(program: Place) -> None:
    first = make_deployment()
    known = with_receipt(first, await haproxy(program).deploy(first))
    (name,) = first.bundle.dns_names[:1]
    assert program.served(name) == first.bundle.fingerprint
    newer = renewed(known)
    await haproxy(program).deploy(newer)
    assert program.served(name) == newer.bundle.fingerprint
    program.stop()
    program.start()
    assert program.served(name) == newer.bundle.fingerprint
    await haproxy(program).remove(target_of(known))
    assert program.served(name) != newer.bundle.fingerprint


@pytest.mark.parametrize(
    "change", [{"socket": "relative.sock"}, {"folder": "/tls;del ssl cert x"}, {"crt_list": "/a\nb"}]
)
def test_what_would_be_misread_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        haproxy(Place(tmp_path), **change)

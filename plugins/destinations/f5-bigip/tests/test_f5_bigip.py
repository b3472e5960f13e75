"""What the destination does beyond the contract, and that it keeps the contract, on a fake with transactions."""

import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from certrail_destination_f5_bigip import F5BigIp, F5Config
from certrail_fakes.f5_bigip import CERTIFICATE, KEY, PROFILE, F5Api
from certrail_sdk import Permanent, Retryable, pem
from certrail_sdk.testing import DestinationConformance, make_bundle, make_deployment, renewed, with_receipt
from certrail_sdk.testing.deliveries import target_of, uncertain

NO_PAUSES = {
    "busy": "BIG-IP demands no pauses: a REST service that is overloaded answers 503, which is tried again"
}


@pytest.fixture
def device() -> Iterator[F5Api]:
    with F5Api() as running:
        yield running


def f5(device: F5Api, **changes: object) -> F5BigIp:
    values = {"url": device.url, "ca_file": device.ca_file, "allowed_hosts": ["127.0.0.1"]}
    user = {"username": device.username, "password": device.password}
    return F5BigIp(F5Config.parse(values | user | changes))


def puts_by_hand(device: F5Api, name: str, profile: bool = True) -> None:
    """A certificate, and a profile without any mark, as an administrator makes them."""
    path = f"/Common/{name}"
    text = make_bundle("by-hand.example").certificate
    device.objects[CERTIFICATE][f"{path}.crt"] = {"checksum": f"SHA1:{len(text)}:0", "content": text}
    if profile:
        device.objects[PROFILE][path] = {"fullPath": path, "description": "by hand"}


def in_full(device: F5Api) -> dict[str, str]:
    """Each profile with all of its files; files that no profile has, by themselves."""
    contents = {
        path: file["content"] for kind in (CERTIFICATE, KEY) for path, file in device.objects[kind].items()
    }
    found = {}
    for path, profile in device.objects[PROFILE].items():
        parts = [contents.pop(f"{path}{suffix}", "") for suffix in (".crt", "-chain.crt", ".key")]
        if path != "/Common/clientssl":
            found[path] = "".join(parts) + str(profile.get("description"))
    return found | contents


class TestConformance(DestinationConformance):
    without = NO_PAUSES

    @pytest.fixture
    def build(self, device: F5Api) -> Callable[[], F5BigIp]:
        return lambda: f5(device)

    @pytest.fixture
    def broken(self, device: F5Api) -> F5BigIp:
        return f5(device, password="not-the-password")

    @pytest.fixture
    def stored(self, device: F5Api) -> Callable[[], Mapping[str, str]]:
        return lambda: in_full(device)

    @pytest.fixture
    def foreign(self, device: F5Api) -> Callable[[str], None]:
        return lambda name: puts_by_hand(device, name)

    @pytest.fixture
    def elsewhere(self, device: F5Api) -> F5BigIp:
        return f5(device, partition="Other")

    @pytest.fixture
    def unreachable(self, device: F5Api) -> F5BigIp:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        return f5(device, url=f"https://127.0.0.1:{port}")


async def test_a_new_profile_refers_to_its_files(device: F5Api) -> None:
    deployment = make_deployment()
    receipt = await f5(device).deploy(deployment)
    profile = device.objects[PROFILE]["/Common/conformance"]
    assert receipt.reference == f"{device.url}/mgmt/tm/ltm/profile/client-ssl/~Common~conformance"
    assert (profile["defaultsFrom"], profile["description"]) == (
        "/Common/clientssl",
        f"certrail {deployment.delivery}",
    )
    assert profile["certKeyChain"] == [
        {
            "name": "certrail",
            "cert": "/Common/conformance.crt",
            "key": "/Common/conformance.key",
            "chain": "/Common/conformance-chain.crt",
        }
    ]
    assert device.objects[KEY]["/Common/conformance.key"]["content"] == pem.key_of(deployment.bundle, "")


async def test_a_renewal_is_one_transaction(device: F5Api) -> None:
    """A certificate with the former key would be refused: all three files change together."""
    deployment = make_deployment()
    known = with_receipt(deployment, await f5(device).deploy(deployment))
    device.virtuals["web"] = "/Common/conformance"
    device.calls.clear()
    newer = renewed(known)
    assert (await f5(device).deploy(newer)).changed
    assert [
        call for call in device.calls if call.startswith(("POST /mgmt/tm/transaction", "PATCH /mgmt/tm/tr"))
    ] == [
        "POST /mgmt/tm/transaction",
        f"PATCH /mgmt/tm/transaction/{device._last}",
    ]
    assert (await f5(device).observe(target_of(newer))).fingerprint == newer.bundle.fingerprint


async def test_a_transaction_that_fails_changes_nothing_and_leaves_no_key_among_the_uploads(
    device: F5Api,
) -> None:
    deployment = make_deployment()
    known = with_receipt(deployment, await f5(device).deploy(deployment))
    stranger = make_bundle("other.example").private_key
    unfit = renewed(known).bundle.model_copy(update={"private_key": stranger})
    with pytest.raises(Permanent, match=r"transaction failed:01070317:3: .* do not match"):
        await f5(device).deploy(known.model_copy(update={"bundle": unfit}))
    assert not device.uploads
    assert pem.fingerprint(in_full(device)["/Common/conformance"]) == deployment.bundle.fingerprint


@pytest.mark.parametrize("call", [1, 4, 6, 9, 10, 12])
async def test_a_deployment_that_was_cut_anywhere_is_adopted(device: F5Api, call: int) -> None:
    """The connection is cut once a call is carried out: the next try ends with one profile, and no upload."""
    deployment = make_deployment()
    device.skip_before_cut, device.cut_after = call - 1, 1
    try:
        await f5(device).deploy(deployment)
    except Retryable:
        await f5(device).deploy(uncertain(deployment))
    assert not (await f5(device).deploy(uncertain(deployment))).changed
    assert set(in_full(device)) == {"/Common/conformance"}
    assert not device.uploads, "a key was left behind"


async def test_a_chain_that_is_gone_is_deleted(device: F5Api) -> None:
    deployment = make_deployment()
    known = with_receipt(deployment, await f5(device).deploy(deployment))
    alone = renewed(known).bundle.model_copy(update={"chain": ()})
    await f5(device).deploy(known.model_copy(update={"bundle": alone}))
    assert "/Common/conformance-chain.crt" not in device.objects[CERTIFICATE]
    assert device.objects[PROFILE]["/Common/conformance"]["certKeyChain"][0]["chain"] == "none"


async def test_a_file_of_somebody_else_is_left_alone(device: F5Api) -> None:
    puts_by_hand(device, "conformance", profile=False)
    with pytest.raises(Permanent, match="not put there by this delivery"):
        await f5(device).deploy(make_deployment())
    assert list(in_full(device)) == ["/Common/conformance.crt"]


async def test_a_profile_in_use_is_not_removed(device: F5Api) -> None:
    deployment = make_deployment()
    known = target_of(with_receipt(deployment, await f5(device).deploy(deployment)))
    device.virtuals["web"] = "/Common/conformance"
    with pytest.raises(Permanent, match="Virtual server web lists a profile"):
        await f5(device).remove(known)
    assert (await f5(device).observe(known)).present
    device.virtuals.clear()
    assert (await f5(device).remove(known)).changed
    assert not in_full(device)


async def test_a_partition_or_parent_that_is_missing_is_named(device: F5Api) -> None:
    with pytest.raises(Permanent, match="folder /Missing does not exist"):
        await f5(device, partition="Missing").deploy(make_deployment())
    with pytest.raises(Permanent, match="/Common/missing"):
        await f5(device, parent="/Common/missing").deploy(make_deployment())


@pytest.mark.parametrize("change", [{"partition": "a~b"}, {"parent": "clientssl"}, {"username": "a:b"}])
def test_what_would_be_misread_is_refused(change: dict[str, Any]) -> None:
    values = {"url": "https://bigip.example.net", "username": "certrail", "password": "secret"}
    with pytest.raises(ValidationError):
        F5Config.parse(values | change)

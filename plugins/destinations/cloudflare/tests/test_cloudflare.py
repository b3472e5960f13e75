"""What the destination does beyond the contract, and that it keeps the contract, on a fake of the API."""

import json
import socket
from collections.abc import Callable, Iterator, Mapping

import pytest
from pydantic import ValidationError

from certrail_destination_cloudflare import Cloudflare, CloudflareConfig
from certrail_fakes.cloudflare import CloudflareApi
from certrail_fakes.http_api import Call
from certrail_sdk import Bundle, Permanent, Retryable, Unauthorized, pem
from certrail_sdk.testing import DestinationConformance, make_bundle, make_deployment, renewed, with_receipt
from certrail_sdk.testing.deliveries import target_of, uncertain


@pytest.fixture
def api() -> Iterator[CloudflareApi]:
    with CloudflareApi() as running:
        yield running


def cloudflare(api: CloudflareApi, **changes: object) -> Cloudflare:
    place = {"url": api.api, "ca_file": api.ca_file, "allowed_hosts": ["127.0.0.1"]}
    return Cloudflare(CloudflareConfig.parse(place | {"token": api.token, "zone": api.zones[0]} | changes))


def by_hand(api: CloudflareApi, bundle: Bundle) -> str:
    """Upload as a person does; the id."""
    body = {"certificate": bundle.certificate, "private_key": pem.key_of(bundle, "")}
    path = f"/client/v4/zones/{api.zones[0]}/custom_certificates"
    headers = {"authorization": f"Bearer {api.token}"}
    _, answer = api.answer(Call("POST", path, {}, headers, json.dumps(body).encode()))
    made: str = answer["result"]["id"]
    return made


class TestConformance(DestinationConformance):
    @pytest.fixture
    def build(self, api: CloudflareApi) -> Callable[[], Cloudflare]:
        return lambda: cloudflare(api)

    @pytest.fixture
    def broken(self, api: CloudflareApi) -> Cloudflare:
        return cloudflare(api, token="a-token-that-nobody-has")

    @pytest.fixture
    def stored(self, api: CloudflareApi) -> Callable[[], Mapping[str, str]]:
        return lambda: dict(api.content)

    @pytest.fixture
    def foreign(self, api: CloudflareApi) -> Callable[[str], object]:
        return lambda _: by_hand(api, make_bundle("by-hand.example"))

    @pytest.fixture
    def elsewhere(self, api: CloudflareApi) -> Cloudflare:
        return cloudflare(api, zone=api.zones[1])

    @pytest.fixture
    def busy(self, api: CloudflareApi) -> Cloudflare:
        api.busy = True
        return cloudflare(api)

    @pytest.fixture
    def unreachable(self, api: CloudflareApi) -> Cloudflare:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        return cloudflare(api, url=f"https://127.0.0.1:{port}/client/v4")


async def test_a_renewal_edits_in_place(api: CloudflareApi) -> None:
    deployment = make_deployment()
    first = await cloudflare(api).deploy(deployment)
    newer = renewed(deployment)
    second = await cloudflare(api).deploy(with_receipt(newer, first))
    assert (second.version, second.reference) == (first.version, first.reference)
    (content,) = api.content.values()
    assert content == pem.full_chain(newer.bundle) + pem.key_of(newer.bundle, "")


async def test_a_new_id_of_sni_custom_is_in_the_receipt(api: CloudflareApi) -> None:
    deployment, destination = make_deployment(), cloudflare(api, type="sni_custom")
    first = await destination.deploy(deployment)
    newer = renewed(deployment)
    known = with_receipt(newer, await destination.deploy(with_receipt(newer, first)))
    assert known.receipt
    assert known.receipt.reference == first.reference
    assert known.receipt.version != first.version
    assert list(api.content) == [known.receipt.version]
    assert (await destination.observe(target_of(known))).fingerprint == newer.bundle.fingerprint


@pytest.mark.parametrize("kind", ["legacy_custom", "sni_custom"])
async def test_an_upload_whose_answer_was_cut_is_adopted(api: CloudflareApi, kind: str) -> None:
    deployment, destination = make_deployment(), cloudflare(api, type=kind)
    api.cut_after = 1
    with pytest.raises(Retryable):
        await destination.deploy(deployment)
    adopted = await destination.deploy(uncertain(deployment))
    assert not adopted.changed
    api.cut_after = 1
    newer = with_receipt(renewed(deployment), adopted)
    with pytest.raises(Retryable):
        await destination.deploy(newer)
    receipt = await destination.deploy(uncertain(newer))
    assert list(api.content) == [receipt.version]


async def test_a_certificate_that_somebody_edited_is_seen(api: CloudflareApi) -> None:
    deployment = make_deployment()
    known = with_receipt(deployment, await cloudflare(api).deploy(deployment))
    assert known.receipt
    api.certificates[api.zones[0]][known.receipt.version or ""]["modified_on"] = "2026-02-02T00:00:00Z"
    drifted = await cloudflare(api).observe(target_of(known))
    assert (drifted.present, drifted.fingerprint) == (True, None)
    assert (await cloudflare(api).deploy(known)).changed


async def test_an_upload_is_found_on_any_page(api: CloudflareApi) -> None:
    deployment = make_deployment()
    for number in range(60):
        by_hand(api, make_bundle(f"other-{number}.example"))
    lost = await cloudflare(api).deploy(deployment)
    assert (await cloudflare(api).deploy(uncertain(deployment))).version == lost.version


async def test_what_cloudflare_says_is_in_the_error(api: CloudflareApi) -> None:
    api.quota = 0
    with pytest.raises(Permanent, match="as many custom certificates as its plan allows"):
        await cloudflare(api).deploy(make_deployment())
    with pytest.raises(Unauthorized, match="Invalid request headers"):
        await cloudflare(api, token="not a token").check()
    with pytest.raises(Unauthorized, match="Authentication error"):
        await cloudflare(api, zone="0" * 32).check()


@pytest.mark.parametrize("change", [{"zone": "example.com"}, {"type": "universal"}])
def test_what_would_be_misread_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CloudflareConfig.parse({"token": "cloudflare-token", "zone": "0" * 32, **change})

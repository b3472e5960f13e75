"""What the destination does beyond the contract, on a receiver that insists on conditions."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import ValidationError

from certrail_destination_http_put import HttpPut, HttpPutConfig
from certrail_fakes.http_store import HttpStore
from certrail_sdk import (
    ConcurrentModification,
    Misconfigured,
    Permanent,
    PluginError,
    RateLimited,
    Retryable,
    Unauthorized,
)
from certrail_sdk.testing import make_deployment, renewed, with_receipt


@pytest.fixture
def store() -> Iterator[HttpStore]:
    with HttpStore() as running:
        yield running


def http_put(store: HttpStore, **changes: object) -> HttpPut:
    values = {"url": store.url, "token": store.token, "allowed_hosts": ["127.0.0.1"]}
    return HttpPut(HttpPutConfig.parse(values | changes))


async def test_the_document_has_everything(store: HttpStore) -> None:
    deployment = make_deployment()
    receipt = await http_put(store).deploy(deployment)
    assert receipt.reference == f"{store.url}/conformance"
    document, bundle = store.documents["conformance"], deployment.bundle
    assert bundle.private_key
    assert document["private_key"] == bundle.private_key.get_secret_value()
    assert (document["certificate"], document["chain"]) == (bundle.certificate, "".join(bundle.chain))
    assert document["delivery"] == deployment.delivery


async def test_a_receiver_that_hides_keys_is_written_once() -> None:
    with HttpStore(hides_keys=True) as store:
        deployment = make_deployment()
        first = await http_put(store).deploy(deployment)
        assert not (await http_put(store).deploy(with_receipt(deployment, first))).changed
        assert store.methods == ["GET", "PUT", "GET"]


async def test_a_document_that_changed_meanwhile_is_not_replaced(store: HttpStore) -> None:
    deployment = make_deployment()
    destination = http_put(store)
    receipt = await destination.deploy(deployment)
    read = HttpPut._read

    async def read_then_changed(self: HttpPut, name: str) -> object:
        seen = await read(self, name)
        store.documents[name] = {**store.documents[name], "note": "by somebody else"}
        return seen

    class Overtaken(HttpPut):
        """Somebody writes between its look and its write."""

        _read = read_then_changed  # type: ignore[assignment]

    with pytest.raises(ConcurrentModification):
        await Overtaken(destination.config).deploy(with_receipt(renewed(deployment), receipt))
    assert store.documents["conformance"]["note"] == "by somebody else"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, Unauthorized),
        (403, Unauthorized),
        (409, ConcurrentModification),
        (503, Retryable),
        (400, Permanent),
    ],
)
async def test_the_status_decides(store: HttpStore, status: int, expected: type[PluginError]) -> None:
    store.status = status
    with pytest.raises(expected) as caught:
        await http_put(store).deploy(make_deployment())
    assert (type(caught.value), caught.value.status, caught.value.body) == (expected, status, "scripted")


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_a_pause_is_understood_in_both_forms(store: HttpStore, form: str) -> None:
    later = datetime.now(UTC) + timedelta(seconds=90)
    store.status, store.retry_after = 429, "90" if form == "seconds" else format_datetime(later, usegmt=True)
    with pytest.raises(RateLimited) as caught:
        await http_put(store).deploy(make_deployment())
    assert caught.value.retry_after
    assert 80 < caught.value.retry_after.total_seconds() <= 90


async def test_something_that_is_no_document_is_left_alone(store: HttpStore) -> None:
    store.documents["conformance"] = ["a", "list"]
    with pytest.raises(Permanent, match="not ours"):
        await http_put(store).deploy(make_deployment())
    assert "PUT" not in store.methods


async def test_private_hosts_are_refused_unless_they_are_named(store: HttpStore) -> None:
    with pytest.raises(ValidationError, match="use https"):
        http_put(store, allowed_hosts=[])
    private = http_put(store, url=store.url.replace("http:", "https:"), allowed_hosts=[])
    with pytest.raises(Misconfigured, match="public"):
        await private.check()


async def test_what_was_put_elsewhere_is_not_deleted_here(store: HttpStore) -> None:
    deployment = make_deployment()
    receipt = await http_put(store).deploy(deployment)
    moved = http_put(store, url=store.url.replace("/v1", "/v2"))
    known = with_receipt(deployment, receipt)
    assert not (await moved.observe(known)).present
    with pytest.raises(Permanent, match="another URL"):
        await moved.remove(known)
    assert "conformance" in store.documents

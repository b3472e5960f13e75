"""HTTP PUT keeps every rule of the contract."""

import socket
from collections.abc import Callable, Iterator, Mapping

import pytest

from certrail_destination_http_put import HttpPut, HttpPutConfig
from certrail_fakes.http_store import HttpStore
from certrail_sdk.testing import DestinationConformance, make_bundle


@pytest.fixture
def store() -> Iterator[HttpStore]:
    with HttpStore() as running:
        yield running


def http_put(store: HttpStore, **changes: object) -> HttpPut:
    values = {"url": store.url, "token": store.token, "allowed_hosts": ["127.0.0.1"]}
    return HttpPut(HttpPutConfig.parse(values | changes))


class TestHttpPut(DestinationConformance):
    @pytest.fixture
    def build(self, store: HttpStore) -> Callable[[], HttpPut]:
        return lambda: http_put(store)

    @pytest.fixture
    def broken(self, store: HttpStore) -> HttpPut:
        return http_put(store, token="another-token-than-this")

    @pytest.fixture
    def stored(self, store: HttpStore) -> Callable[[], Mapping[str, str]]:
        return lambda: {
            name: "\n".join(f"{part}: {value}" for part, value in document.items())
            for name, document in store.documents.items()
        }

    @pytest.fixture
    def foreign(self, store: HttpStore) -> Callable[[str], None]:
        def put(name: str) -> None:
            store.documents[name] = {"certificate": make_bundle("by-hand.example").certificate}

        return put

    @pytest.fixture
    def elsewhere(self, store: HttpStore) -> HttpPut:
        return http_put(store, url=store.url.replace("/v1", "/v2"))

    @pytest.fixture
    def busy(self, store: HttpStore) -> HttpPut:
        store.status, store.retry_after = 429, "30"
        return http_put(store)

    @pytest.fixture
    def unreachable(self, store: HttpStore) -> HttpPut:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        return http_put(store, url=f"http://127.0.0.1:{port}/v1")

"""HTTP PUT keeps every rule of the contract."""

from collections.abc import Callable, Iterator

import pytest

from certrail_destination_http_put import HttpPut, HttpPutConfig
from certrail_fakes.http_store import HttpStore
from certrail_sdk.testing import DestinationConformance


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

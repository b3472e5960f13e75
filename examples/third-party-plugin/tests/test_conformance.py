"""Edge keeps every rule of the contract."""

import socket
from collections.abc import Callable, Iterator, Mapping

import pytest
from certrail_sdk.testing import DestinationConformance, make_bundle
from fake_edge import TOKEN, FakeEdge

from certrail_destination_edge import Edge, EdgeConfig


@pytest.fixture
def fake_edge() -> Iterator[FakeEdge]:
    with FakeEdge() as running:
        yield running


def edge(url: str, token: str = TOKEN) -> Edge:
    return Edge(EdgeConfig.parse({"url": url, "token": token, "allowed_hosts": ["127.0.0.1"]}))


class TestEdge(DestinationConformance):
    @pytest.fixture
    def build(self, fake_edge: FakeEdge) -> Callable[[], Edge]:
        """A new object at every call, on one and the same outside system."""
        return lambda: edge(fake_edge.url)

    @pytest.fixture
    def broken(self, fake_edge: FakeEdge) -> Edge:
        """One whose configuration or credentials are refused."""
        return edge(fake_edge.url, token="a-token-that-edge-never-made")

    @pytest.fixture
    def stored(self, fake_edge: FakeEdge) -> Callable[[], Mapping[str, str]]:
        """What is there, read past the plugin."""
        return lambda: {name: "\n".join(each.values()) for name, each in fake_edge.objects.items()}

    @pytest.fixture
    def foreign(self, fake_edge: FakeEdge) -> Callable[[str], None]:
        """An object that a person put there by hand."""

        def put(name: str) -> None:
            fake_edge.objects[name] = {
                "chain": make_bundle("by-hand.example").certificate,
                "label": "by hand",
            }

        return put

    @pytest.fixture
    def elsewhere(self, fake_edge: FakeEdge) -> Edge:
        """The same Edge by another address."""
        return edge(fake_edge.url.replace("/v1", "/v2"))

    @pytest.fixture
    def busy(self, fake_edge: FakeEdge) -> Edge:
        """One whose other side demands a pause."""
        fake_edge.busy = True
        return edge(fake_edge.url)

    @pytest.fixture
    def unreachable(self) -> Edge:
        """One whose other side refuses connections."""
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        return edge(f"http://127.0.0.1:{port}/v1")

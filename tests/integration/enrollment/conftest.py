"""The world of the ACME tests."""

from collections.abc import Iterator

import pytest
from tests.integration.conftest import Team
from tests.integration.enrollment.acme_world import AcmeWorld, acme_world


@pytest.fixture
def acme(team: Team) -> Iterator[AcmeWorld]:
    """An ACME server, and certbot's library to call it with."""
    with acme_world(team) as world:
        yield world

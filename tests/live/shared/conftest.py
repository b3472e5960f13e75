"""One installation on PostgreSQL, with Temporal's dev server inside."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.live.live_stack import LiveStack, opened
from tests.support.postgres import fresh_database


@pytest.fixture(scope="package")
def live_stack(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> Iterator[LiveStack]:
    """The installation. Tests leave the outside world as they found it."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("live_stack")
        yield opened(stack, folder, CERTRAIL_DATABASE_URL=fresh_database(postgres))

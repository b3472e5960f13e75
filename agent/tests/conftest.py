"""A host with its agent, and a server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.agent_world import AgentWorld, agent_world
from tests.integration.conftest import Fresh, installed
from tests.integration.conftest import plugins as plugins
from tests.integration.conftest import sqlite as sqlite

from certrail.plugins.registry import PluginRegistry


@pytest.fixture
def world(sqlite: Fresh, plugins: PluginRegistry, tmp_path: Path) -> Iterator[AgentWorld]:
    """Empty on both sides."""
    with agent_world(installed(sqlite, plugins), tmp_path) as world:
        yield world
    sqlite.database.close()

"""A command line that speaks to a running certrail."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.command_line import run
from tests.support.web import serving

if TYPE_CHECKING:
    from tests.integration.conftest import Team


@dataclass(frozen=True)
class Shell:
    """A Product Admin's command line."""

    team: "Team"
    folder: Path

    def run(self, *words: str, typed: str = "") -> str:
        """What a command prints; it must succeed."""
        result = run(*words, typed=typed)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))

    def refused(self, *words: str, typed: str = "") -> str:
        """The last line of a command that must fail."""
        result = run(*words, typed=typed)
        assert result.exit_code == 1, result.output
        return result.stderr.strip().splitlines()[-1]

    def misused(self, *words: str) -> str:
        """What is said of a command with a wrong option or argument, in one line."""
        result = run(*words)
        assert result.exit_code == 2, result.output
        return " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.stderr).split())

    def file(self, name: str, content: str) -> str:
        path = self.folder / name
        path.write_text(content)
        return str(path)


@contextmanager
def at_work(team: "Team", folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """The command line of the Product Admin of a running installation."""
    _, token = team.services.tokens.issue(team.admin, team.admin.principal_id or "", name="t")
    with serving(team.services) as url:
        monkeypatch.setenv("CERTRAIL_URL", url)
        monkeypatch.setenv("CERTRAIL_TOKEN", token)
        yield Shell(team, folder)

"""Somebody who follows the pages word for word, in one terminal, and believes what they show."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from tests.docs.pages import ROOT, Block

PATIENCE = 240
MARK = "=== "

# A script is quicker than a person: after each block it waits until nothing is on its way any more.
TERMINAL = """
set -euo pipefail
[ ! -e terminal ] || source ./terminal
settle() {
  [ -n "${CERTRAIL_TOKEN:-}" ] || return 0
  while curl "$CERTRAIL_URL/api/v1/applications/${APPLICATION:-payments}/deliveries?limit=200" \
      --oauth2-bearer "$CERTRAIL_TOKEN" --no-fail-with-body | grep -Eq '"status":"(pending|delivering)"'; do
    sleep 0.2
  done
}
"""
CURL = "silent\nshow-error\nfail-with-body\n"


class Stumbled(AssertionError):
    """A command of a page failed, or printed something else than the page shows."""


class Reader:
    """Follows pages in a folder of its own, against one installation.

    Args:
        instead: what is typed instead of what a page can only give an example of, such as a password.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], instead: Mapping[str, str]) -> None:
        self._folder = folder
        self._instead = instead
        programs = folder / ".venv" / "bin"
        programs.mkdir(parents=True)
        (programs / "activate").write_text(f"export PATH={shlex.quote(str(programs))}:$PATH\n")
        (programs / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        certbot = f"{shlex.quote(sys.executable)} -c 'from certbot.main import main; main()'"
        (programs / "certbot").write_text(f'#!/bin/sh\nexec {certbot} "$@"\n')
        agent = f"{shlex.quote(sys.executable)} -m certrail_agent"
        (programs / "certrail-agent").write_text(f'#!/bin/sh\nexec {agent} "$@"\n')
        for name in ("python", "certbot", "certrail-agent"):
            (programs / name).chmod(0o755)
        (folder / ".curlrc").write_text(CURL)
        self.certrail = programs / "certrail"
        self._environment = {
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "no_proxy": "127.0.0.1",
            **environment,
        }

    def follow(
        self, blocks: Sequence[Block], *, keep: bool = False, before: str = "", patience: float = PATIENCE
    ) -> None:
        """Run the commands of a page in order; what it shows must be printed.

        Args:
            keep: leave variables and functions in the terminal for the pages that go on here.
            before: what is typed first.
            patience: seconds for all of it.

        Raises:
            Stumbled: naming the block, with what was printed.
        """
        script = [TERMINAL, before]
        for block in (b for b in blocks if b.is_run()):
            script += [f"echo; echo {shlex.quote(MARK + str(block))}", self._typed(block.text), "settle"]
        if keep:
            script += ["{ declare -px; declare -pf; } > kept", "mv kept terminal"]
        done = subprocess.run(
            ["bash", "-c", "\n".join(script)],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=patience,
            check=False,
        )
        if done.returncode:
            raise Stumbled(f"a command ended with {done.returncode}:\n{done.stdout}")
        self._compare(blocks, done.stdout)

    def _typed(self, text: str) -> str:
        for example, real in self._instead.items():
            text = text.replace(example, real)
        return text

    def _compare(self, blocks: Sequence[Block], printed: str) -> None:
        answers = dict(part.split("\n", 1) for part in printed.split(f"\n{MARK}")[1:])
        for before, below in pairwise(blocks):
            if below.is_shown_by(before) and not _shows(answers[str(before)], below.text):
                raise Stumbled(f"{below} shows\n{below.text}\nbut this came:\n{answers[str(before)]}")


def _shows(printed: str, page: str) -> bool:
    """Whether a page's lines were printed in this order; ``…`` stands for anything, and spaces do not count."""
    lines = (re.escape(" ".join(line.split())).replace("…", ".*") for line in page.splitlines())
    return re.search(".*".join(lines), " ".join(printed.split()), re.DOTALL) is not None

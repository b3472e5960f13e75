"""The pages, and the fenced blocks on them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES_TO_READ = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        ROOT / "SECURITY.md",
        *(ROOT / "docs").rglob("*.md"),
    ]
)
FILE = re.compile(r"`([\w./]+)`:")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

PRODUCTION = ROOT / "docs/how-to/run-in-production.md"
TUTORIAL = ROOT / "docs/plugins/write-a-destination.md"
FOLLOWED = tuple(
    ROOT / name
    for name in (
        "README.md",
        "docs/how-to/first-certificate.md",
        "docs/how-to/deliver.md",
        "docs/how-to/renew-and-revoke.md",
        "docs/how-to/notify-people.md",
        "docs/how-to/approve-in-slack.md",
        "docs/how-to/bring-an-older-project.md",
        "docs/how-to/back-up-and-restore.md",
        "docs/how-to/enroll-with-est.md",
        "docs/how-to/enroll-with-acme.md",
        "docs/how-to/agent.md",
    )
)
"""Pages whose commands are run from the first to the last, on one machine; on `PRODUCTION`, on its services;
on `TUTORIAL`, from an empty folder."""

# What sets up, starts or tests everything is run by other tests; here it need only exist.
ELSEWHERE = re.compile(r"^(make |certrail (dev|server|worker)\b)", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: Path
    language: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def is_run(self) -> bool:
        """Whether a test follows it, word for word."""
        return (
            self.language == "bash"
            and self.page in (*FOLLOWED, PRODUCTION, TUTORIAL)
            and not ELSEWHERE.search(self.text)
        )

    def is_shown_by(self, before: "Block") -> bool:
        """Whether this is what a command prints: it stands right below it."""
        end = before.line + before.text.count("\n") + 1
        return before.is_run() and self.language == "text" and self.line == end + 2

    def file(self) -> str | None:
        """The file whose content it is, if the line before names one."""
        before = self.page.read_text().splitlines()[: self.line - 1]
        named = FILE.fullmatch(before[-2]) if len(before) > 1 else None
        return named[1] if named else None


def blocks(*languages: str, page: Path | None = None) -> list[Block]:
    """Those in one of the languages, or all; of every page, or of one."""
    return [
        Block(where, found[1], found[2], text.count("\n", 0, found.start()) + 1)
        for where in ([page] if page else PAGES_TO_READ)
        for text in [where.read_text()]
        for found in FENCE.finditer(text)
        if not languages or found[1] in languages
    ]

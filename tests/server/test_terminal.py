"""No text from a certificate, a provider or a person gives orders to a terminal."""

import io
import json

import pytest
from rich.text import Text

from certrail.domain.formats import escaped, printable, printable_lines
from certrail_server.cli import common, tables
from certrail_server.cli.common import SafeConsole

ATTACKS = [
    "\x1b[2J\x1b[1;1Hroot shell",
    "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
    "\x1b]0;title\x07",
    "a\rb",
    "\x9b31m",
    "user\u202etxt.exe",
    "bell\x07",
    "\x08\x08\x08",
]


def controls(text: str) -> list[str]:
    return [c for c in text if not c.isprintable() and c != "\n"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_console_writes_what_is_not_printable_as_text(attack: str) -> None:
    for terminal in (False, True):
        file = io.StringIO()
        console = SafeConsole(file=file, force_terminal=terminal, color_system=None, width=200)
        console.print(attack, markup=False, highlight=False, soft_wrap=True)
        console.print("[red]error:[/red]", attack.replace("[", r"\["))
        assert not controls(file.getvalue()), repr(file.getvalue())
        console.print(Text(attack))
        assert not controls(file.getvalue())
        assert "\\x" in file.getvalue() or "\\u202e" in file.getvalue() or "\\r" in file.getvalue()


@pytest.mark.parametrize("attack", ATTACKS)
def test_tables_and_lines_do_the_same(
    attack: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(common, "out", SafeConsole(file=io.StringIO()))
    row = {"name": attack, "inner": {"common_name": attack}, "list": [attack]}
    tables.listed([row], ["name", ("inner", "inner.common_name"), "list"], False)
    tables.shown(row, False)
    tables.listed([row], ["name"], True)
    common.echo(attack)
    shown = capsys.readouterr().out
    assert not controls(shown), repr(shown)
    assert json.dumps(attack) in shown, "as JSON nothing is lost"


def test_styles_of_our_own_stay() -> None:
    file = io.StringIO()
    console = SafeConsole(file=file, force_terminal=True, color_system="standard")
    console.print("[red]FAULT[/red]", "\x1b[32mok")
    assert file.getvalue().startswith("\x1b[31mFAULT\x1b[0m")
    assert "\\x1b" in file.getvalue()


def test_every_other_writer_is_json_or_bytes() -> None:
    """`typer.echo` and `print` write what they get: outside of `cli/common.py` only for what is escaped already."""
    from pathlib import Path

    import certrail_server.cli

    root = Path(certrail_server.cli.__file__).parent
    found = []
    for file in root.rglob("*.py"):
        for number, line in enumerate(file.read_text().splitlines(), start=1):
            raw = "typer.echo(" in line or line.lstrip().startswith("print(") or " Console(" in line
            ours = file.name in ("common.py", "tables.py") or "json.dumps" in line or "version(" in line
            if raw and not ours and "json.dumps" not in file.read_text().splitlines()[number]:
                found.append(f"{file.name}:{number}: {line.strip()}")
    assert found == []


def test_names_on_the_way_in_are_printable() -> None:
    for attack in ATTACKS:
        with pytest.raises(ValueError, match="control characters"):
            printable(attack)
    assert printable_lines("one\ntwo\tthree") == "one\ntwo\tthree"
    with pytest.raises(ValueError, match="control characters"):
        printable_lines("one\n\x1b[2Jtwo")
    assert escaped("Müller 日本") == "Müller 日本"

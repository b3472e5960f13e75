"""Writes the reference of the command line from its code."""

import inspect
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

import typer

from certrail_server.cli import app
from certrail_server.cli.support.credentials import DEFAULT_URL, FILE, PRIVATE
from certrail_server.cli.support.outcome import TIMED_OUT

MODE = f"{PRIVATE:o}"

INTRODUCTION = f"""Commands that call the API read two environment variables: `CERTRAIL_URL`, by default the server of
the last `certrail login` or else `{DEFAULT_URL}`, and `CERTRAIL_TOKEN`, an access token, which takes
precedence over the stored sign-in. `certrail login` keeps its token in `{FILE}` in the user's
configuration folder, with the mode {MODE}. All other commands work on the data of this machine and read
the [settings](settings.md).

- Ids may be shortened to any beginning that is unique, of at least four digits; a certificate may be named by a name.
- `-` in the place of an Application is the legacy scope, whose objects belong to no Application.
- `--json` prints the answer of the API; on a terminal, tables show the first twelve digits of an id.
- Exit codes: 0 done, 1 refused or failed, 2 wrong usage, {TIMED_OUT} not decided within `--timeout`.
- `certrail --install-completion` sets up completion for the present shell: bash, zsh, fish or PowerShell."""


def commands_page() -> Iterator[str]:
    """The parts of the page: what holds for all commands, then one section a group."""
    root: Any = typer.main.get_command(app)
    yield INTRODUCTION
    single = {name: command for name, command in root.commands.items() if not hasattr(command, "commands")}
    yield "## certrail"
    for name, command in single.items():
        yield from _command(f"certrail {name}", command)
    for name, group in root.commands.items():
        if name not in single:
            yield f"## certrail {name}"
            yield _text(group.help)
            yield from _group(f"certrail {name}", group)


def _group(words: str, group: Any) -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _group(f"{words} {name}", command)
        else:
            yield from _command(f"{words} {name}", command)


def _command(words: str, command: Any) -> Iterator[str]:
    parameters = [p for p in command.params if not p.hidden and p.name != "help"]
    arguments = " ".join(_placeholder(p) for p in parameters if p.param_type_name == "argument")
    yield f"### `{' '.join(filter(None, (words, arguments)))}`"
    yield _text(command.help)
    if parameters:
        rows = [("parameter", "meaning", "values", "default"), ("---",) * 4]
        rows += [(f"`{_name(p)}`", _text(p.help), _values(p), _default(p)) for p in parameters]
        yield "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)


def _placeholder(parameter: Any) -> str:
    name = parameter.name.upper()
    return name if parameter.required else f"[{name}]"


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return str(parameter.name.upper())
    return ", ".join((*parameter.opts, *parameter.secondary_opts))


def _values(parameter: Any) -> str:
    kind = parameter.type_descriptor.annotation
    kind = get_args(kind)[0] if get_origin(kind) is list else kind
    if inspect.isclass(kind) and issubclass(kind, Enum):
        return ", ".join(f"`{member.value}`" for member in kind)
    return {str: "text", bool: "", int: "whole number", float: "number", Path: "path"}[kind]


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if parameter.default in (None, False, "", ()) or parameter.param_type_name == "argument":
        return ""
    value = parameter.default.value if isinstance(parameter.default, Enum) else parameter.default
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _text(text: str | None) -> str:
    """Help as Markdown: the paragraphs, and an example as code."""
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(f"`{p}`" if p.startswith("{") else " ".join(p.split()) for p in paragraphs)

"""`certrail plugin check` and `certrail plugin try`: for authors of plugins, without a server or a database."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from certrail_server.cli.common import fail, out
from certrail_server.cli.support.documents import document_in

STATE = Path(".certrail-try.json")
SIGNS = {"ok": "ok", "broken": "BROKEN", "missing": "missing"}


def register(plugin: typer.Typer) -> None:
    """Add the commands."""
    plugin.command("check")(check)
    plugin.command("try")(attempt)


def check(
    path: Annotated[Path, typer.Argument(help="Folder of the package, with its pyproject.toml.")],
    as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
) -> None:
    """Check the package of a plugin: packaging, classes, names, the conformance kit, and its step of the ladder."""
    from dataclasses import asdict

    from certrail_server.plugin_package.check import check as examined

    found = examined(path.resolve())
    if as_json:
        document = {"level": found.level, "findings": [asdict(each) for each in found.findings]}
        typer.echo(json.dumps(document, indent=2))
    else:
        for each in found.findings:
            _say(f"{SIGNS[each.state]:<8} {each.what}")
            if each.advice:
                _say(f"{'':<8} {each.advice}")
        _say(f"level: {found.level or 'below bronze'}")
    if not found.is_good:
        raise typer.Exit(1)


def attempt(
    key: Annotated[
        str, typer.Argument(help="Kind and name of an installed plugin, such as destination-files.")
    ],
    verb: Annotated[str, typer.Argument(help="check, deploy, renew, observe or remove; check, send or ask.")],
    config: Annotated[Path, typer.Option(help="JSON file with all fields; - reads standard input.")],
    name: Annotated[str, typer.Option(help="What deploy calls the object.")] = "certrail-try",
    state: Annotated[Path, typer.Option(help="File in which deploy keeps what later calls need.")] = STATE,
) -> None:
    """Make one real call of a plugin, with a certificate or message made for the trial; nothing is stored."""
    from pydantic import ValidationError

    from certrail.plugins.registry import PluginRegistry, UnknownPlugin
    from certrail_sdk import NewerConfiguration, PluginError
    from certrail_server.plugin_package.trial import VERBS, CannotTry, tried

    kind, _, plugin_name = key.partition("-")
    if verb not in VERBS.get(kind, ()):
        fail(
            f"{key} has no {verb}: a destination has {', '.join(VERBS['destination'])}, a notifier "
            f"{', '.join(VERBS['notifier'])}."
        )
    registry = PluginRegistry.discover()
    try:
        found: Any = (
            registry.destination(plugin_name) if kind == "destination" else registry.notifier(plugin_name)
        )
        plugin = found(found.config_type.parse(document_in(config)))
        answer = asyncio.run(tried(plugin, verb, state, name))
    except (UnknownPlugin, CannotTry, NewerConfiguration) as problem:
        fail(str(problem))
    except ValidationError as problem:
        fail("; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problem.errors()))
    except PluginError as problem:
        fail(f"{type(problem).__name__}: {str(problem).rstrip('.')}. {problem.action}")
    _say(answer.model_dump_json(indent=2) if answer else "ok")


def _say(text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)

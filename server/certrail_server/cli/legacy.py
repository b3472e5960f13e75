"""`legacy`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from certrail_server.cli.common import err, fail, out
from certrail_server.cli.local import joined, refusals, told
from certrail_server.cli.remote import AsJson, read_json

if TYPE_CHECKING:
    from certrail_server.legacy.format import Export

app = typer.Typer(help="Projects of the model before there were Applications.", no_args_is_help=True)
MOST_FAULTS = 10


@app.command()
def load(
    export: Annotated[Path, typer.Argument(help="JSON; `certrail legacy schema` describes it.")],
    as_json: AsJson = False,
) -> None:
    """Load an export, so that all in it goes on working. It may be interrupted and run again."""
    from certrail_server.legacy.loading import Loader
    from certrail_server.serve import prepare

    project = _read(export)
    parts = joined()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with told(), Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bars:
        prepare(parts.context.db)
        tasks = {}

        def report(kind: str, done: int, of: int) -> None:
            if kind not in tasks:
                tasks[kind] = bars.add_task(kind, total=of)
            bars.update(tasks[kind], completed=done)

        with refusals():
            outcome = Loader(parts.services, project, report).run()
    if as_json:
        typer.echo(json.dumps({"loaded": outcome.loaded, "kept": outcome.kept}, indent=2))
        return
    table = Table("kind", "loaded", "there already")
    for kind in dict.fromkeys((*outcome.loaded, *outcome.kept)):
        table.add_row(kind, str(outcome.loaded.get(kind, 0)), str(outcome.kept.get(kind, 0)))
    out.print(table)


@app.command("schema")
def show_schema() -> None:
    """Print the format of an export, as JSON Schema."""
    from certrail_server.legacy.format import schema

    typer.echo(json.dumps(schema(), indent=2))


def _read(path: Path) -> "Export":
    from pydantic import ValidationError

    from certrail_server.legacy.format import Export, faults_of

    document = read_json(path)
    try:
        return Export.model_validate(document)
    except ValidationError as wrong:
        lines = faults_of(document, wrong)
        more = f" and {len(lines) - MOST_FAULTS} more" if len(lines) > MOST_FAULTS else ""
        fail(f"{path} is no export that can be loaded. {'; '.join(lines[:MOST_FAULTS])}{more}")

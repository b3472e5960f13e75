"""`legacy`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from certrail.domain.errors import CertrailError
from certrail_server.cli.common import err, fail, joined, out, told
from certrail_server.cli.remote import AsJson, read_json
from certrail_server.legacy.format import Export, faults_of, schema
from certrail_server.legacy.loading import Loader
from certrail_server.serve import prepare

app = typer.Typer(help="Projects of the model before there were Applications.", no_args_is_help=True)
MOST_FAULTS = 10


@app.command()
def load(
    export: Annotated[Path, typer.Argument(help="JSON; `certrail legacy schema` describes it.")],
    as_json: AsJson = False,
) -> None:
    """Load an export, so that all in it goes on working. It may be interrupted and run again."""
    project = _read(export)
    parts = joined()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with told(), Progress(*columns, console=err, transient=True) as bars:
        prepare(parts.kernel.db)
        tasks = {}

        def report(kind: str, done: int, of: int) -> None:
            if kind not in tasks:
                tasks[kind] = bars.add_task(kind, total=of)
            bars.update(tasks[kind], completed=done)

        try:
            outcome = Loader(parts.services, project, report).run()
        except CertrailError as refusal:
            fail(refusal.detail)
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
    typer.echo(json.dumps(schema(), indent=2))


def _read(path: Path) -> Export:
    document = read_json(path)
    try:
        return Export.model_validate(document)
    except ValidationError as wrong:
        lines = faults_of(document, wrong)
        more = f" and {len(lines) - MOST_FAULTS} more" if len(lines) > MOST_FAULTS else ""
        fail(f"{path} is no export that can be loaded. {'; '.join(lines[:MOST_FAULTS])}{more}")

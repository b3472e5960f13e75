"""`certrail migration`: bring a project from before Applications existed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from certrail_server.cli.common import err, fail, out
from certrail_server.cli.local.installation import database_errors, joined, refusals
from certrail_server.cli.support.remote import AsJson, read_json

if TYPE_CHECKING:
    from certrail.services.migration.document import ProjectExport

app = typer.Typer(no_args_is_help=True)
MAX_FAULTS = 10


@app.command()
def load(
    export: Annotated[Path, typer.Argument(help="JSON file; `certrail migration schema` prints its schema.")],
    as_json: AsJson = False,
) -> None:
    """Load a project export. An interrupted run is completed by running the command again."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from certrail.services.migration.loading import Loader
    from certrail.services.operations.schema_watch import prepare

    project = _read(export)
    parts = joined()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        database_errors(),
        Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bars,
    ):
        prepare(parts.context.db, parts.context.keyring)
        tasks = {}

        def show(kind: str, done: int, of: int) -> None:
            if kind not in tasks:
                tasks[kind] = bars.add_task(kind, total=of)
            bars.update(tasks[kind], completed=done)

        with refusals():
            outcome = Loader(parts.services, project, show).run()
    if as_json:
        typer.echo(json.dumps({"loaded": outcome.loaded, "kept": outcome.kept}, indent=2))
        return
    table = Table("kind", "loaded", "loaded before")
    for kind in dict.fromkeys((*outcome.loaded, *outcome.kept)):
        table.add_row(kind, str(outcome.loaded.get(kind, 0)), str(outcome.kept.get(kind, 0)))
    out.print(table)


@app.command("schema")
def show_schema() -> None:
    """Print the JSON Schema of a project export."""
    from certrail.services.migration.document import schema

    typer.echo(json.dumps(schema(), indent=2))


def _read(path: Path) -> "ProjectExport":
    from pydantic import ValidationError

    from certrail.services.migration.document import ProjectExport, faults_of

    document = read_json(path)
    try:
        return ProjectExport.model_validate(document)
    except ValidationError as wrong:
        lines = faults_of(document, wrong)
        more = f" and {len(lines) - MAX_FAULTS} more" if len(lines) > MAX_FAULTS else ""
        fail(f"{path} is not a project export. {'; '.join(lines[:MAX_FAULTS])}{more}")

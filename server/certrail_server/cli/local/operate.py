"""`certrail migrate` and `doctor`."""

import json
from typing import Annotated

import typer
from rich.markup import escape

from certrail_server.cli.common import out
from certrail_server.cli.local.installation import database_errors, folder_of, joined, settings


def migrate_database() -> None:
    """Migrate the database to the schema of this version."""
    from certrail.persistence.migrate import migrate
    from certrail.services.core.audit_seal import empty_head

    with database_errors():
        app = joined(make=True)
        migrate(app.context.db, lambda: empty_head(app.context.keyring))
    out.print("The database is up to date.")


def doctor(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Check the installation and say how to mend what is wrong; exit code 1 when something is."""
    import asyncio

    from certrail_server.doctor import examine, nothing_here

    chosen = settings()
    findings = asyncio.run(examine(joined())) if chosen.has_data() else [nothing_here(folder_of(chosen))]
    if as_json:
        typer.echo(
            json.dumps([{"check": f.check, "ok": f.ok, "detail": f.detail} for f in findings], indent=2)
        )
    for finding in () if as_json else findings:
        mark = "[green]ok  [/green]" if finding.ok else "[red]FAIL[/red]"
        out.print(mark, escape(f"{finding.check}: {finding.detail}"), highlight=False, soft_wrap=True)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)

"""Checks that an operator would make by hand."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlmodel import col, select

from certrail.persistence.migrate import newest, schema_of
from certrail.persistence.tables import Application, Channel, OutboxRow
from certrail.plugins.registry import UNUSABLE
from certrail.services.core.orchestrator import OrchestratorUnavailable
from certrail.services.integrations.plugin_faults import described
from certrail.services.integrations.plugin_names import absent_plugins
from certrail.services.operations.schema_watch import too_new
from certrail_server.bootstrap import App
from certrail_server.words import counted
from certrail_workflows.messages import CORE_QUEUE
from certrail_workflows.pollers import pollers

STUCK = timedelta(minutes=2)
BY_ITSELF = "a running server or worker makes up for it within two minutes"


@dataclass(frozen=True)
class Finding:
    """One check, and what to do when it is not well."""

    check: str
    ok: bool
    detail: str


def nothing_here(folder: Path) -> Finding:
    """What there is to say of a folder without data."""
    detail = (
        f"there is no certrail data in {folder}. Does `certrail dev` run in this folder? Else go where it runs,"
        " or set CERTRAIL_DATA_DIR / CERTRAIL_DATABASE_URL"
    )
    return Finding("database", False, detail)


async def examine(app: App) -> list[Finding]:
    """All checks, in the order in which to mend them."""
    findings = [await asyncio.to_thread(_database, app)]
    if findings[0].ok:
        findings.append(await asyncio.to_thread(_outbox, app))
        findings.append(await asyncio.to_thread(_audit_log, app))
        findings.extend(await asyncio.to_thread(_plugin_faults, app))
        findings.extend(await asyncio.to_thread(_absent_plugins, app))
        findings.extend(await asyncio.to_thread(_failing_channels, app))
    findings.extend(await _temporal(app, database=findings[0].ok))
    findings.extend(_plugins(app))
    return findings


def _database(app: App) -> Finding:
    try:
        found = schema_of(app.context.db)
    except Exception as err:
        return Finding(
            "database", False, f"does not answer ({type(err).__name__}); check CERTRAIL_DATABASE_URL"
        )
    if found.is_behind:
        return Finding("database", False, "run: certrail migrate")
    if found.is_unsupported:
        return Finding("database", False, too_new(found))
    if found.is_newer:
        beside = f"schema {found.present} of a newer version, beside which this one, {newest()}, may run"
        return Finding("database", True, f"reachable; {beside}")
    return Finding("database", True, "reachable and migrated")


def _outbox(app: App) -> Finding:
    limit = app.context.clock() - STUCK
    with app.context.db.read() as session:
        stuck = session.exec(
            select(OutboxRow).where(col(OutboxRow.dispatched_at).is_(None), col(OutboxRow.created_at) < limit)
        ).all()
    if stuck:
        why = next((row.last_error for row in stuck if row.last_error), "no process dispatches them")
        return Finding(
            "outbox", False, f"{counted(len(stuck), 'message')} waiting for over {STUCK.seconds} s: {why}"
        )
    return Finding("outbox", True, "nothing is stuck")


def _audit_log(app: App) -> Finding:
    """The end of the chain only: following all of it takes minutes in a large installation."""
    if faults := app.services.audit_log.head_faults():
        return Finding("audit log", False, f"{faults[0]}; run: certrail audit verify")
    if app.context.audit_witness is None:
        folder = app.settings.data_dir.resolve()
        detail = f"sealed; an older log that is put back goes unnoticed here, as {folder} cannot be written"
        return Finding("audit log", True, detail)
    return Finding("audit log", True, "sealed, and not set back")


def _plugin_faults(app: App) -> list[Finding]:
    faults = app.services.plugin_faults.all()
    return [Finding(f"plugin {key}", False, described(row)) for key, row in sorted(faults.items())]


def _absent_plugins(app: App) -> list[Finding]:
    """Plugins that are used and cannot be called here, with the number of syncs, channels and CRL mirrors."""
    with app.context.db.read() as session:
        absent = absent_plugins(session, app.context.plugins)
    return [
        Finding(
            f"uses of {key}",
            False,
            f"{', '.join(counted(number, noun) for noun, number in sorted(one.uses.items()))}: {one.reason}."
            " What they are to do waits, and goes on by itself once the plugin is there",
        )
        for key, one in sorted(absent.items())
    ]


def _failing_channels(app: App) -> list[Finding]:
    """Channels to which something could not be sent, and nothing was since."""
    query = (
        select(Channel, Application.slug)
        .join(Application, col(Application.id) == col(Channel.application_id), isouter=True)
        .where(col(Channel.failing_since).is_not(None))
        .order_by(col(Channel.failing_since), col(Channel.id))
    )
    with app.context.db.read() as session:
        rows = session.exec(query).all()
    return [
        Finding(
            f"channel {channel.slug}",
            False,
            f"nothing gets through since {channel.failing_since:%Y-%m-%d %H:%M} UTC;"
            f" run: certrail channel check {application or '-'} {channel.slug}",
        )
        for channel, application in rows
    ]


async def _temporal(app: App, *, database: bool) -> list[Finding]:
    where = f"Temporal at {app.address}"
    if not await app.orchestrator.health():
        asked = (
            "check CERTRAIL_TEMPORAL_ADDRESS"
            if app.settings.temporal_address
            else f"does `certrail dev` run with {app.settings.data_dir.resolve()}? Else set CERTRAIL_TEMPORAL_ADDRESS"
        )
        return [Finding("temporal", False, f"{where} does not answer; {asked}")]
    try:
        return await _examined(app, where, database=database)
    except OrchestratorUnavailable as refusal:
        return [Finding("temporal", False, str(refusal))]


async def _examined(app: App, where: str, *, database: bool) -> list[Finding]:
    """Of a Temporal that answers. Raises OrchestratorUnavailable for one that refuses."""
    client, identity = await app.orchestrator.client(), await app.orchestrator.identity()
    if identity is None:
        return [Finding("temporal", False, f"{where} has no namespace {client.namespace}; {BY_ITSELF}")]
    findings = [Finding("temporal", True, f"{where}, namespace {client.namespace}")]
    for queue in (CORE_QUEUE, *app.context.plugins.queues()):
        count = await pollers(client, queue)
        detail = counted(count, "worker") if count else f"no worker; run: certrail worker --queue {queue}"
        findings.append(Finding(f"queue {queue}", count > 0, detail))
    findings.append(await _schedules(app))
    if database:
        findings.append(await _workflows(app, identity))
    return findings


async def _schedules(app: App) -> Finding:
    missing = await app.orchestrator.missing_schedules()
    if missing:
        detail = f"{counted(len(missing), 'schedule')} missing: {', '.join(missing)}; {BY_ITSELF}"
        return Finding("schedules", False, detail)
    return Finding("schedules", True, "all there")


async def _workflows(app: App, identity: str) -> Finding:
    """Objects that need a workflow and have none; all of them if Temporal's store was replaced, else of a sample."""
    reconciliation = app.services.reconciliation
    report = await asyncio.to_thread(reconciliation.report, identity)
    last = "; nothing was ever started again"
    if report.last_at is not None:
        last = f"; last started again at {report.last_at:%Y-%m-%d %H:%M} UTC: {_listed(report.last_counts)}"
    if not report.known:
        what = "The database was restored" if report.restored else "Temporal's database was replaced"
        if not any(report.needing.values()):
            return Finding("workflows", True, f"{what}, nothing was in flight{last}")
        detail = f"{what}: no workflow for {_listed(report.needing)}; {BY_ITSELF}"
        return Finding("workflows", False, f"{detail}{last}")
    sample = await asyncio.to_thread(reconciliation.sample)
    lost = await app.orchestrator.lost([needed.start for needed in sample])
    counts = Counter(needed.kind for needed in sample if needed.start.workflow_id in lost)
    if counts:
        return Finding("workflows", False, f"no workflow for {_listed(counts)}; {BY_ITSELF}{last}")
    return Finding("workflows", True, f"every open object that was looked up has one{last}")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number) or "nothing"


def _plugins(app: App) -> list[Finding]:
    return [
        Finding(f"plugin {info.key}", info.state not in UNUSABLE, info.described or info.state)
        for info in app.context.plugins.all()
    ] + [
        Finding(
            "CERTRAIL_DISABLED_PLUGINS",
            False,
            f"{name!r} is no plugin; give kind and name, such as notifier-slack",
        )
        for name in app.context.plugins.unknown_disabled
    ]

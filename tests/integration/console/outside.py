"""Texts from outside: each column that holds one is given a text that is an element where nobody escapes it."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import select, update
from sqlmodel import SQLModel

from certrail.persistence.database import Database

ELEMENT = "xss-canary"
"""Of the element that a canary would make."""
WHOLE = (
    "access_token.name",
    "agent.name",
    "alert.name",
    "application.description",
    "application.name",
    "approval_policy.name",
    "approval_request.comment",
    "certificate.common_name",
    "certificate_authority.name",
    "certificate_policy.name",
    "certificate_profile.name",
    "certificate_request.reason",
    "channel.name",
    "connection.name",
    "delivery.object_name",
    "enrollment_secret.name",
    "event.actor_name",
    "external_account_key.name",
    "incident.comment",
    "plugin_fault.verb",
    "plugin_fault.version",
    "plugin_fault.what",
    "principal.email",
    "principal.name",
    "saved_search.name",
    "sync.name",
    "vote.comment",
)
"""Columns of text, as ``table.column``."""
WITHIN = (
    "acme_account.contacts",
    "agent.names",
    "approval_policy.steps",
    "approval_request.policy",
    "certificate.attributes",
    "certificate.names",
    "certificate_authority.subject",
    "certificate_request.attributes",
    "certificate_request.content",
    "delivery.last_error",
    "delivery.receipt",
    "event.data",
    "incident.content",
    "notification.content",
    "notification.last_error",
    "retirement.last_error",
)
"""Columns of JSON: the texts in it, but for those that are words of ours."""
LATER = ("comment", "reason")
"""Said when something is decided or fails: put there at once."""
UNIQUE = ("email", "object_name")
OURS = re.compile(
    r"id|\w+_id|\w+_ids|slug|kind|type|status|method|role|format|code|severity|decision|via|origin|action_kind"
    r"|key_algorithm|approvers|channels|events|profiles?|guards|at|\w+_at|quorum|error|subject_type|incident|renews|country"
)
MADE = re.compile(r"[0-9a-f]{16,}|\d{4}-\d\d-\d\dT.*|P[\dT].*")
"""Ids, fingerprints and times, whatever they are called."""


def canary(where: str) -> str:
    """Text that is an element, an attribute and an expression of a template; 64 characters at most."""
    number = (*WHOLE, *WITHIN).index(where)
    return f"<{ELEMENT} onload=x>{{{{7*7}}}}</script>\"onx='{number:02}'"


def given_canaries(database: Database) -> Mapping[str, str]:
    """Overwrite every text from outside that is there; returns the canary of each column that had one."""
    placed: dict[str, str] = {}
    for where in (*WHOLE, *WITHIN):
        table, column = where.split(".")
        change = _changing(where)
        if _overwrite(database, table, column, change):
            placed[where] = canary(where)
    return placed


def _overwrite(database: Database, table: str, column: str, change: Callable[[Any], Any]) -> int:
    """Returns how many values were changed."""
    found = SQLModel.metadata.tables[table]
    changed = 0
    with database.write() as session:
        for row in session.execute(select(found)).mappings().all():
            value = row[column]
            other = change(value) if value or column in LATER else value
            if value and column in UNIQUE:
                other += row["id"]
            if other != value:
                this = [key == row[key.name] for key in found.primary_key.columns]
                session.execute(update(found).where(*this).values({column: other}))
                changed += 1
    return changed


def _changing(where: str) -> Callable[[Any], Any]:
    text = canary(where)
    if where in WHOLE:
        return lambda _: text
    if where == "certificate_request.content":  # its names and words were checked when it was taken
        return lambda content: {**content, "subject": {"common_name": text, "organization": text}}
    return _within(text)


def _within(text: str) -> Callable[[Any], Any]:
    def changed(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: changed(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [changed(inner, name) for inner in value]
        is_ours = OURS.fullmatch(name) or not isinstance(value, str) or MADE.fullmatch(value)
        return value if is_ours else text

    return changed


def elements_of(found: list[tuple[str, dict[str, str | None]]]) -> Iterator[str]:
    """What a canary made on a page."""
    for tag, attributes in found:
        if tag == ELEMENT or "onx" in attributes or "onload" in attributes:
            yield f"<{tag} {attributes}>"

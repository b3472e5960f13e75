"""Votes are bound to versions: two changes at once are two versions, and none is signed for the other."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event
from tests.integration.conftest import Team

from certrail.services.approvals.policies import Step

TABLES = {
    "policy": "certificate_policy",
    "profile": "certificate_profile",
    "approval policy": "approval_policy",
}


def changes(team: Team, what: str) -> tuple[Callable[[], object], Callable[[], object], Callable[[], int]]:
    """Two changes of one thing, and its version."""
    services, admin, here = team.services, team.admin, team.application
    product, guards = services.catalog, services.approval_policies
    if what == "policy":
        return (
            lambda: product.update_policy(admin, "tls", {"max_ttl": "47d"}),
            lambda: product.update_policy(admin, "tls", {"max_ttl": "90d"}),
            lambda: product.policy("tls").version,
        )
    if what == "profile":
        return (
            lambda: product.update_profile(admin, "web", defaults={"key_algorithm": "RSA_2048"}),
            lambda: product.update_profile(admin, "web", defaults={"key_algorithm": "RSA_4096"}),
            lambda: product.profile("web").version,
        )
    team.person("boss")
    team.guard(Step("Owners", ("boss",)))
    slug = guards.list(here)[0][0].slug
    return (
        lambda: guards.update(admin, here, slug, renewal_preapproval={"renewals": 1, "days": 1}),
        lambda: guards.update(admin, here, slug, allow_self_approval=True),
        lambda: guards.list(here)[0][0].version,
    )


@pytest.mark.parametrize("what", TABLES)
def test_two_changes_at_once_are_two_versions(team: Team, what: str) -> None:
    first, second, version = changes(team, what)
    before, has_read, engine = version(), threading.Event(), team.services.context.db.engine

    def written(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        # SQLite lets one writer in at a time: there the second one does not even begin.
        if threading.current_thread() is threading.main_thread() and not team.services.context.db.is_sqlite:
            assert not statement.startswith(f"UPDATE {TABLES[what]}") or has_read.wait(60)

    def read(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if threading.current_thread() is not threading.main_thread() and f"FROM {TABLES[what]}" in statement:
            has_read.set()

    event.listen(engine, "before_cursor_execute", written)
    event.listen(engine, "after_cursor_execute", read)
    try:
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(second)
            first()
            answer.result(60)
    finally:
        event.remove(engine, "before_cursor_execute", written)
        event.remove(engine, "after_cursor_execute", read)
    assert version() == before + 2

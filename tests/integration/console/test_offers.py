"""Whatever a person may change by the API, they may change in the console; what is not there has a reason."""

from collections.abc import Mapping

from fastapi.routing import APIRoute

from certrail_server.api.app import API, SCOPED
from certrail_server.api.guard import Guard
from certrail_server.console.site import PAGES

WRITES = {"POST", "PUT", "PATCH", "DELETE"}
OLDER = "an object of the older project, which lives outside of Applications: by the API and the command line"
VIEWS = "the console keeps the address of a list as a view; a saved search is of programs"
NOT_OFFERED: Mapping[str, str] = {
    "import_certificate_in_legacy_scope": OLDER,
    "create_certificate_request_in_legacy_scope": OLDER,
    "set_member_in_legacy_scope": OLDER,
    "remove_member_in_legacy_scope": OLDER,
    "create_passphrase_in_legacy_scope": OLDER,
    "revoke_passphrase_in_legacy_scope": OLDER,
    "create_challenge_in_legacy_scope": OLDER,
    "create_one_time_challenge_in_legacy_scope": OLDER,
    "revoke_challenge_in_legacy_scope": OLDER,
    "create_external_account_key_in_legacy_scope": OLDER,
    "rotate_external_account_key_in_legacy_scope": OLDER,
    "revoke_external_account_key_in_legacy_scope": OLDER,
    "revoke_acme_account_in_legacy_scope": OLDER,
    "create_agent_in_legacy_scope": OLDER,
    "delete_agent_in_legacy_scope": OLDER,
    "create_sync_in_legacy_scope": OLDER,
    "check_destination_in_legacy_scope": OLDER,
    "preview_sync_in_legacy_scope": OLDER,
    "update_sync_in_legacy_scope": OLDER,
    "delete_sync_in_legacy_scope": OLDER,
    "trigger_sync_in_legacy_scope": OLDER,
    "check_sync_in_legacy_scope": OLDER,
    "create_approval_policy_in_legacy_scope": OLDER,
    "update_approval_policy_in_legacy_scope": OLDER,
    "delete_approval_policy_in_legacy_scope": OLDER,
    "check_notifier_in_legacy_scope": "a channel of the product is tested once it is created",
    "report_served": "agents and probes say what they have found served",
    "create_saved_search": VIEWS,
    "update_saved_search": VIEWS,
    "delete_saved_search": VIEWS,
}
"""Operations of the API that no page has, and why. Routes without a permission are for machines: ACME, EST, SCEP,
OCSP, callbacks of chats, enrollment of agents, and how one signs in."""
NARROWER = {"create_alert_in_legacy_scope", "create_channel_in_legacy_scope"}
"""The API asks for `product:manage` once the body says that it is about all Applications; the pages always do."""


def permission_of(route: APIRoute) -> str:
    """What a route asks for; empty where it asks for nothing."""
    guards = [each.call for each in route.dependant.dependencies if isinstance(each.call, Guard)]
    return str(guards[0].permission) if guards else ""


def operations() -> dict[str, str]:
    """The permission of every operation of the API that changes something."""
    found: dict[str, str] = {}
    for routers, suffixes in ((API, ("",)), (SCOPED, ("", "_in_legacy_scope"))):
        for router in routers:
            for route in router.routes:
                if isinstance(route, APIRoute) and WRITES & (route.methods or set()) and permission_of(route):
                    found |= {route.name + suffix: permission_of(route) for suffix in suffixes}
    return found


def offered() -> dict[str, set[str]]:
    """The permissions of the pages that offer an operation, by its name."""
    found: dict[str, set[str]] = {}
    for router in PAGES:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for name in (route.openapi_extra or {}).get("offers", "").split():
                found.setdefault(name, set()).add(permission_of(route))
    return found


def test_every_operation_is_offered_or_has_a_reason() -> None:
    known, here = operations(), offered()
    assert len(known) > 100
    assert here.keys() <= known.keys(), "a page names an operation that there is not"
    assert NOT_OFFERED.keys() <= known.keys()
    assert not here.keys() & NOT_OFFERED.keys(), "what is offered needs no reason"
    assert known.keys() - here.keys() == NOT_OFFERED.keys()


def test_a_page_asks_for_the_permission_of_its_operation() -> None:
    known = operations()
    others = {
        name: asked
        for name, asked in offered().items()
        if asked != {known[name]} and name not in NARROWER | {"create_token"}
    }
    assert not others
    assert offered()["create_token"] == {"token:self", "principal:manage"}, "one's own, and for somebody else"


def test_every_page_that_changes_something_says_what() -> None:
    silent = [
        route.path
        for router in PAGES
        for route in router.routes
        if isinstance(route, APIRoute)
        and "POST" in (route.methods or ())
        and not (route.openapi_extra or {}).get("offers")
    ]
    assert silent == ["/console/policies/{policy}", "/console/connections/{connection}/check"], (
        "the check of a connection and the box to try out a policy have no operation of their own"
    )

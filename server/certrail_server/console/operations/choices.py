"""What may be chosen in forms, by slug and name."""

from collections.abc import Mapping

from certrail.domain.events import EVENTS
from certrail_server.api.guard import Call
from certrail_server.console.operations.operation import Params
from certrail_server.console.plugin_form import choices_of
from certrail_server.console.schema_form import Options


def attached(call: Call) -> Options:
    """The profiles of the Application; without one, all."""
    if call.scope is None:
        return profiles(call)
    return [(row.slug, row.name) for _, row in call.services.applications.profiles(call.scope)]


def profiles(call: Call) -> Options:
    """All certificate profiles."""
    return [(row.slug, row.name) for row in call.services.catalog.profiles()]


def policies(call: Call) -> Options:
    """All certificate policies."""
    return [(row.slug, row.name) for row in call.services.catalog.policies()]


def authorities(call: Call) -> Options:
    """All authorities."""
    return [(row.slug, row.name) for row, *_ in call.services.authorities.list()]


def channels(call: Call) -> Options:
    """The channels of the Application, or those of the product."""
    return [(row.slug, row.name) for row in call.services.channels.list(call.scope)]


def approvers(call: Call) -> Options:
    """Members that may vote: users and groups."""
    members = call.services.applications.members(call.scope)
    return [(row.slug, f"{row.name} ({row.kind})") for _, row in members if row.kind in ("user", "group")]


def people(call: Call) -> Options:
    """Users and machine identities, which may belong to a group."""
    rows = call.services.principals.list()
    return [(row.slug, f"{row.name} ({row.kind})") for row in rows if row.kind in ("user", "machine")]


def destinations(call: Call) -> Options:
    """Destination plugins."""
    return [(info.name, info.title) for info in choices_of(call.services, "destination")]


def notifiers(call: Call) -> Options:
    """Notifier plugins."""
    return [(info.name, info.title) for info in choices_of(call.services, "notifier")]


def of_alert(call: Call, _params: Params) -> Mapping[str, Options]:
    """Of an alert."""
    here = channels(call)
    return {
        "events": [(each, each) for each in sorted(EVENTS)],
        "channels": here,
        "escalation.channels": here,
        "selector.profiles": attached(call),
    }


def of_sync(call: Call, _params: Params) -> Mapping[str, Options]:
    """Of a sync."""
    return {"selection.profiles": attached(call)}


def of_channel(call: Call, params: Params) -> Mapping[str, Options]:
    """Of a channel: another one takes what it cannot send."""
    return {"fallback": [each for each in channels(call) if each[0] != params.get("channel")]}


def of_approval_policy(call: Call, _params: Params) -> Mapping[str, Options]:
    """Of an approval policy."""
    return {
        "profiles": attached(call),
        "steps.approvers": approvers(call),
        "steps.channels": channels(call),
    }


def of_profile(call: Call, _params: Params) -> Mapping[str, Options]:
    """Of a certificate profile."""
    return {"ca": authorities(call), "policy": policies(call)}

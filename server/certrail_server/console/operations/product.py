"""What is changed in the product: certificate policies and profiles, connections, plugins."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from certrail.domain.access import Permission
from certrail_server.api.answers.catalog import connection_answer, profile_answer
from certrail_server.api.guard import Call, idempotent
from certrail_server.api.schemas.catalog import (
    CertificatePolicyChangeIn,
    CertificatePolicyIn,
    CertificatePolicyOut,
    CertificateProfileChangeIn,
    CertificateProfileIn,
)
from certrail_server.api.schemas.integrations import ConnectionChangeIn, PluginTransferIn
from certrail_server.console.operations import choices
from certrail_server.console.operations.operation import Operation, Params

MANAGE = Permission.PRODUCT_MANAGE
DEFAULTS = ("defaults.subject", "defaults.sans", "defaults.basic_constraints")


def listed(label: str, path: str) -> Callable[[Call, Params], tuple[str, str]]:
    """A list as the page that leads here."""
    return lambda _call, _params: (label, f"/console/{path}")


def one(label: str, path: str, name: str) -> Callable[[Call, Params], tuple[str, str]]:
    """The page of an object as the one that leads here."""
    return lambda _call, params: (label, f"/console/{path}/{params[name]}")


def _policy(call: Call, params: Params) -> BaseModel:
    return CertificatePolicyOut.of(call.services.catalog.policy(params["policy"]))


def _create_policy(call: Call, _params: Params, body: CertificatePolicyIn) -> str:
    catalog = call.services.catalog
    row = idempotent(lambda: catalog.create_policy(call.actor, **body.values()), catalog.policy)
    return f"/console/policies/{row.slug}"


def _update_policy(call: Call, params: Params, body: CertificatePolicyChangeIn) -> str:
    row = call.services.catalog.update_policy(call.actor, params["policy"], **body.values())
    return f"/console/policies/{row.slug}"


def _delete_policy(call: Call, params: Params, _body: None) -> str:
    call.services.catalog.delete_policy(call.actor, params["policy"])
    return "/console/policies"


def _profile(call: Call, params: Params) -> BaseModel:
    return profile_answer(call.services, call.services.catalog.profile(params["profile"]))


def _create_profile(call: Call, _params: Params, body: CertificateProfileIn) -> str:
    catalog = call.services.catalog
    row = idempotent(lambda: catalog.create_profile(call.actor, **body.values()), catalog.profile)
    return f"/console/profiles/{row.slug}"


def _update_profile(call: Call, params: Params, body: CertificateProfileChangeIn) -> str:
    row = call.services.catalog.update_profile(call.actor, params["profile"], **body.values())
    return f"/console/profiles/{row.slug}"


def _delete_profile(call: Call, params: Params, _body: None) -> str:
    call.services.catalog.delete_profile(call.actor, params["profile"])
    return "/console/profiles"


def _connection(call: Call, params: Params) -> BaseModel:
    return connection_answer(call.services, call.services.connections.get(params["connection"]))


def _update_connection(call: Call, params: Params, body: ConnectionChangeIn) -> str:
    row = call.services.connections.update(call.actor, params["connection"], **body.changes())
    return f"/console/connections/{row.slug}"


def _delete_connection(call: Call, params: Params, _body: None) -> str:
    call.services.connections.delete(call.actor, params["connection"])
    return "/console/connections"


def _transfer(call: Call, params: Params, body: PluginTransferIn) -> str:
    key = f"{params['kind']}-{params['name']}"
    call.services.plugin_names.transfer(call.actor, key, body.distribution)
    return f"/console/plugins/{params['kind']}/{params['name']}"


def _of_plugin(_call: Call, params: Params) -> tuple[str, str]:
    return "Plugin", f"/console/plugins/{params['kind']}/{params['name']}"


def _type_of(connection: Any) -> str:
    return str(connection.type)


OPERATIONS = (
    Operation(
        "create_certificate_policy",
        "/new-policy",
        MANAGE,
        "New certificate policy",
        "Create",
        "created",
        listed("Policies", "policies"),
        _create_policy,
        model=CertificatePolicyIn,
        text="A section of the rules that is left empty allows anything; {} as a section allows nothing of it.",
    ),
    Operation(
        "update_certificate_policy",
        "/policies/{policy}/edit",
        MANAGE,
        "Edit the certificate policy",
        "Save",
        "changed",
        one("Policy", "policies", "policy"),
        _update_policy,
        model=CertificatePolicyChangeIn,
        current=_policy,
        text="A section of the rules that is left empty allows anything; {} as a section allows nothing of it."
        " Open approvals begin a new round where it matters to them.",
    ),
    Operation(
        "delete_certificate_policy",
        "/policies/{policy}/delete",
        MANAGE,
        "Delete the certificate policy",
        "Delete",
        "deleted",
        one("Policy", "policies", "policy"),
        _delete_policy,
        current=_policy,
        text="One that a profile uses is refused.",
        danger=True,
    ),
    Operation(
        "create_certificate_profile",
        "/new-profile",
        MANAGE,
        "New certificate profile",
        "Create",
        "created",
        listed("Profiles", "profiles"),
        _create_profile,
        model=CertificateProfileIn,
        options=choices.of_profile,
        groups=DEFAULTS,
    ),
    Operation(
        "update_certificate_profile",
        "/profiles/{profile}/edit",
        MANAGE,
        "Edit the certificate profile",
        "Save",
        "changed",
        one("Profile", "profiles", "profile"),
        _update_profile,
        model=CertificateProfileChangeIn,
        leave_out=("legacy_enrollment",),
        current=_profile,
        options=choices.of_profile,
        groups=DEFAULTS,
        text="Open approvals begin a new round where it matters to them.",
    ),
    Operation(
        "delete_certificate_profile",
        "/profiles/{profile}/delete",
        MANAGE,
        "Delete the certificate profile",
        "Delete",
        "deleted",
        one("Profile", "profiles", "profile"),
        _delete_profile,
        current=_profile,
        text="One that was ever used is refused.",
        danger=True,
    ),
    Operation(
        "update_connection",
        "/connections/{connection}/edit",
        MANAGE,
        "Edit the connection",
        "Save",
        "changed",
        one("Connection", "connections", "connection"),
        _update_connection,
        model=ConnectionChangeIn,
        current=_connection,
        connection_type=_type_of,
        text="A secret that is left empty stays as it is. What failed with the present ones is tried again.",
    ),
    Operation(
        "delete_connection",
        "/connections/{connection}/delete",
        MANAGE,
        "Delete the connection",
        "Delete",
        "deleted",
        one("Connection", "connections", "connection"),
        _delete_connection,
        current=_connection,
        text="One that a sync, a channel or a mirror uses is refused.",
        danger=True,
    ),
    Operation(
        "transfer_plugin",
        "/plugins/{kind}/{name}/transfer",
        MANAGE,
        "Give the plugin's name to another distribution",
        "Transfer",
        "changed",
        _of_plugin,
        _transfer,
        model=PluginTransferIn,
        text="What uses the plugin is given, with its secrets, to the plugin that the other distribution has under"
        " the same name, once servers and workers are started again.",
        danger=True,
    ),
)

"""Calls: certificates.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from datetime import datetime
from typing import Literal

from certrail_client.base import Json
from certrail_client.calls import PREFIX, Call, path_of, scoped
from certrail_client.models.certificates import (
    AutoRenewalIn,
    ExportIn,
    ImportIn,
    RenewalIn,
    RevocationIn,
    ViewChangeIn,
    ViewIn,
)


def search_certificates(
    application: str,
    *,
    name: str | None = None,
    name_begins: str | None = None,
    name_ends: str | None = None,
    serial: str | None = None,
    fingerprint: str | None = None,
    status: Literal["active", "expired", "superseded", "held", "revoked"] | None = None,
    profile: str | None = None,
    issuer: str | None = None,
    lineage: str | None = None,
    expires_after: datetime | None = None,
    expires_before: datetime | None = None,
    metadata: list[str] | None = None,
    sort: Literal["newest", "expiry"] | None = None,
    view: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Call[Json]:
    """Certificates of an Application that have all that is asked for."""
    path = path_of(PREFIX + "/applications/{application}/certificates", application=application)
    return Call(
        "GET",
        path,
        Json,
        query={
            "name": name,
            "name_begins": name_begins,
            "name_ends": name_ends,
            "serial": serial,
            "fingerprint": fingerprint,
            "status": status,
            "profile": profile,
            "issuer": issuer,
            "lineage": lineage,
            "expires_after": expires_after,
            "expires_before": expires_before,
            "metadata": metadata,
            "sort": sort,
            "view": view,
            "cursor": cursor,
            "limit": limit,
        },
    )


def import_certificate(application: str | None, body: ImportIn) -> Call[Json]:
    """Keep a certificate that was issued elsewhere; its key, if it comes with one, is sealed."""
    path = scoped(application, "/certificates")
    return Call("POST", path, Json, body=body, idempotent=True)


def search_all_certificates(
    *,
    name: str | None = None,
    name_begins: str | None = None,
    name_ends: str | None = None,
    serial: str | None = None,
    fingerprint: str | None = None,
    status: Literal["active", "expired", "superseded", "held", "revoked"] | None = None,
    profile: str | None = None,
    issuer: str | None = None,
    lineage: str | None = None,
    expires_after: datetime | None = None,
    expires_before: datetime | None = None,
    metadata: list[str] | None = None,
    sort: Literal["newest", "expiry"] | None = None,
    view: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
    application_: Literal["none"] | None = None,
) -> Call[Json]:
    """Certificates of all Applications, or of none, that have all that is asked for."""
    path = path_of(PREFIX + "/certificates")
    return Call(
        "GET",
        path,
        Json,
        query={
            "name": name,
            "name_begins": name_begins,
            "name_ends": name_ends,
            "serial": serial,
            "fingerprint": fingerprint,
            "status": status,
            "profile": profile,
            "issuer": issuer,
            "lineage": lineage,
            "expires_after": expires_after,
            "expires_before": expires_before,
            "metadata": metadata,
            "sort": sort,
            "view": view,
            "cursor": cursor,
            "limit": limit,
            "application": application_,
        },
    )


def get_certificate(certificate_id: str) -> Call[Json]:
    """One certificate with its chain."""
    path = path_of(PREFIX + "/certificates/{certificate_id}", certificate_id=certificate_id)
    return Call("GET", path, Json)


def show_private_key(certificate_id: str) -> Call[Json]:
    """The private key, PKCS#8 PEM, to its requester, once."""
    path = path_of(PREFIX + "/certificates/{certificate_id}/private-key", certificate_id=certificate_id)
    return Call("POST", path, Json, idempotent=True)


def renew_certificate(certificate_id: str, body: RenewalIn) -> Call[Json]:
    """Ask for the next certificate of the lineage: same names and lifetime, new key unless said otherwise."""
    path = path_of(PREFIX + "/certificates/{certificate_id}/renew", certificate_id=certificate_id)
    return Call("POST", path, Json, body=body, idempotent=True)


def explain_renewal(certificate_id: str) -> Call[Json]:
    """When the certificate is renewed by itself and why then, or why it is not."""
    path = path_of(PREFIX + "/certificates/{certificate_id}/renewal", certificate_id=certificate_id)
    return Call("GET", path, Json)


def decide_renewal(certificate_id: str, body: AutoRenewalIn) -> Call[Json]:
    """Say whether and when this certificate is renewed by itself, whatever the rule of its profile says."""
    path = path_of(PREFIX + "/certificates/{certificate_id}/renewal", certificate_id=certificate_id)
    return Call("PUT", path, Json, body=body)


def revoke_certificate(certificate_id: str, body: RevocationIn) -> Call[Json]:
    """Revoke for good, or hold; lists and OCSP say so at once."""
    path = path_of(PREFIX + "/certificates/{certificate_id}/revoke", certificate_id=certificate_id)
    return Call("POST", path, Json, body=body, idempotent=True)


def release_certificate(certificate_id: str) -> Call[Json]:
    """Let a certificate on hold be valid again."""
    path = path_of(PREFIX + "/certificates/{certificate_id}/release", certificate_id=certificate_id)
    return Call("POST", path, Json, idempotent=True)


def export_certificate(certificate_id: str, body: ExportIn) -> Call[bytes]:
    """The certificate as a file. PEM and DER hold no key; PKCS#12 and JKS do where certrail holds it."""
    path = path_of(PREFIX + "/certificates/{certificate_id}/export", certificate_id=certificate_id)
    return Call("POST", path, bytes, body=body, idempotent=True)


def list_views(application: str) -> Call[Json]:
    """The saved searches of an Application."""
    path = path_of(PREFIX + "/applications/{application}/views", application=application)
    return Call("GET", path, Json)


def create_view(application: str, body: ViewIn) -> Call[Json]:
    """Give a search a name, for `?view=`."""
    path = path_of(PREFIX + "/applications/{application}/views", application=application)
    return Call("POST", path, Json, body=body, idempotent=True)


def update_view(application: str, view: str, body: ViewChangeIn) -> Call[Json]:
    """Change a saved search."""
    path = path_of(PREFIX + "/applications/{application}/views/{view}", application=application, view=view)
    return Call("PATCH", path, Json, body=body)


def delete_view(application: str, view: str) -> Call[None]:
    """Forget a saved search."""
    path = path_of(PREFIX + "/applications/{application}/views/{view}", application=application, view=view)
    return Call("DELETE", path, type(None))

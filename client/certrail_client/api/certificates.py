"""Calls: certificates.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from datetime import datetime
from typing import Literal

from certrail_client.calls import PREFIX, Call, PagedCall, path_of, scoped
from certrail_client.models.certificates import (
    CertificateImportIn,
    CertificateList,
    CertificateOut,
    CertificateSearchStatus,
    ExportIn,
    PrivateKeyOut,
    RenewalIn,
    RenewalPlanIn,
    RenewalPlanOut,
    RevocationIn,
    RevocationRequestList,
    RevocationRequestOut,
    RevocationStatus,
    SavedSearchChangeIn,
    SavedSearchIn,
    SavedSearchList,
    SavedSearchOut,
)
from certrail_client.models.common import CertificateRequestOut


def get_revocation_request(revocation_id: str, *, wait: float | None = None) -> Call[RevocationRequestOut]:
    """One revocation request; with `wait` the answer comes when it is final, or after that many seconds."""
    path = path_of(PREFIX + "/revocation-requests/{revocation_id}", revocation_id=revocation_id)
    return Call("GET", path, RevocationRequestOut, query={"wait": wait})


def cancel_revocation_request(revocation_id: str) -> Call[RevocationRequestOut]:
    """Withdraw a revocation request that waits for approval; an Operator only their own."""
    path = path_of(PREFIX + "/revocation-requests/{revocation_id}/cancel", revocation_id=revocation_id)
    return Call("POST", path, RevocationRequestOut)


def list_certificates(
    application: str,
    *,
    name: str | None = None,
    name_begins: str | None = None,
    name_ends: str | None = None,
    serial: str | None = None,
    fingerprint: str | None = None,
    status: CertificateSearchStatus | None = None,
    profile: str | None = None,
    issuer: str | None = None,
    lineage: str | None = None,
    expires_after: datetime | None = None,
    expires_before: datetime | None = None,
    metadata: list[str] | None = None,
    sort: Literal["newest", "expiry"] | None = None,
    saved_search: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> PagedCall[CertificateList, CertificateOut]:
    """Certificates of an Application that have all that is given."""
    path = path_of(PREFIX + "/applications/{application}/certificates", application=application)
    return PagedCall(
        "GET",
        path,
        CertificateList,
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
            "saved_search": saved_search,
            "cursor": cursor,
            "limit": limit,
        },
        position="cursor",
    )


def import_certificate(application: str | None, body: CertificateImportIn) -> Call[CertificateOut]:
    """Import a certificate that was issued elsewhere; its key, if it comes with one, is encrypted."""
    path = scoped(application, "/certificates")
    return Call("POST", path, CertificateOut, body=body, idempotent=True)


def list_all_certificates(
    *,
    name: str | None = None,
    name_begins: str | None = None,
    name_ends: str | None = None,
    serial: str | None = None,
    fingerprint: str | None = None,
    status: CertificateSearchStatus | None = None,
    profile: str | None = None,
    issuer: str | None = None,
    lineage: str | None = None,
    expires_after: datetime | None = None,
    expires_before: datetime | None = None,
    metadata: list[str] | None = None,
    sort: Literal["newest", "expiry"] | None = None,
    saved_search: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
    application_: Literal["none"] | None = None,
) -> PagedCall[CertificateList, CertificateOut]:
    """Certificates of all Applications, or of the legacy scope, that have all that is given."""
    path = path_of(PREFIX + "/certificates")
    return PagedCall(
        "GET",
        path,
        CertificateList,
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
            "saved_search": saved_search,
            "cursor": cursor,
            "limit": limit,
            "application": application_,
        },
        position="cursor",
    )


def get_certificate(certificate_id: str) -> Call[CertificateOut]:
    """One certificate with its chain."""
    path = path_of(PREFIX + "/certificates/{certificate_id}", certificate_id=certificate_id)
    return Call("GET", path, CertificateOut)


def show_private_key(certificate_id: str) -> Call[PrivateKeyOut]:
    """The private key, PKCS#8 PEM, to its requester, once."""
    path = path_of(PREFIX + "/certificates/{certificate_id}/private-key", certificate_id=certificate_id)
    return Call("POST", path, PrivateKeyOut)


def export_certificate(certificate_id: str, body: ExportIn) -> Call[bytes]:
    """The certificate as a file. PEM and DER hold no key; PKCS#12 and JKS do where certrail holds it."""
    path = path_of(PREFIX + "/certificates/{certificate_id}/export", certificate_id=certificate_id)
    return Call("POST", path, bytes, body=body)


def renew_certificate(certificate_id: str, body: RenewalIn) -> Call[CertificateRequestOut]:
    """Request the next certificate of the lineage: same names and lifetime, new key unless said otherwise."""
    path = path_of(PREFIX + "/certificates/{certificate_id}/renew", certificate_id=certificate_id)
    return Call("POST", path, CertificateRequestOut, body=body, idempotent=True)


def get_renewal_plan(certificate_id: str) -> Call[RenewalPlanOut]:
    """When the certificate is renewed automatically and why then, or why it is not."""
    path = path_of(PREFIX + "/certificates/{certificate_id}/renewal", certificate_id=certificate_id)
    return Call("GET", path, RenewalPlanOut)


def set_renewal_plan(certificate_id: str, body: RenewalPlanIn) -> Call[RenewalPlanOut]:
    """Set whether and when this certificate is renewed automatically, whatever the rule of its profile
    says.
    """
    path = path_of(PREFIX + "/certificates/{certificate_id}/renewal", certificate_id=certificate_id)
    return Call("PUT", path, RenewalPlanOut, body=body)


def revoke_certificate(
    certificate_id: str, body: RevocationIn
) -> Call[CertificateOut | RevocationRequestOut]:
    """Revoke for good, or put on hold: at once, or with 202 once the approval that a policy requires is
    given.
    """
    path = path_of(PREFIX + "/certificates/{certificate_id}/revoke", certificate_id=certificate_id)
    return Call("POST", path, CertificateOut | RevocationRequestOut, body=body, idempotent=True)


def release_certificate(certificate_id: str) -> Call[CertificateOut]:
    """End a hold: the certificate is valid again."""
    path = path_of(PREFIX + "/certificates/{certificate_id}/release", certificate_id=certificate_id)
    return Call("POST", path, CertificateOut)


def list_saved_searches(application: str) -> PagedCall[SavedSearchList, SavedSearchOut]:
    """The saved searches of an Application, by slug."""
    path = path_of(PREFIX + "/applications/{application}/saved-searches", application=application)
    return PagedCall("GET", path, SavedSearchList, position="cursor")


def create_saved_search(application: str, body: SavedSearchIn) -> Call[SavedSearchOut]:
    """Give a search a name, for `?saved_search=`."""
    path = path_of(PREFIX + "/applications/{application}/saved-searches", application=application)
    return Call("POST", path, SavedSearchOut, body=body, idempotent=True)


def get_saved_search(application: str, saved_search: str) -> Call[SavedSearchOut]:
    """One saved search."""
    path = path_of(
        PREFIX + "/applications/{application}/saved-searches/{saved_search}",
        application=application,
        saved_search=saved_search,
    )
    return Call("GET", path, SavedSearchOut)


def update_saved_search(
    application: str, saved_search: str, body: SavedSearchChangeIn
) -> Call[SavedSearchOut]:
    """Change a saved search."""
    path = path_of(
        PREFIX + "/applications/{application}/saved-searches/{saved_search}",
        application=application,
        saved_search=saved_search,
    )
    return Call("PATCH", path, SavedSearchOut, body=body)


def delete_saved_search(application: str, saved_search: str) -> Call[None]:
    """Delete a saved search."""
    path = path_of(
        PREFIX + "/applications/{application}/saved-searches/{saved_search}",
        application=application,
        saved_search=saved_search,
    )
    return Call("DELETE", path, type(None))


def list_revocation_requests(
    application: str | None,
    *,
    status: RevocationStatus | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> PagedCall[RevocationRequestList, RevocationRequestOut]:
    """Revocation requests of an Application, newest first."""
    path = scoped(application, "/revocation-requests")
    return PagedCall(
        "GET",
        path,
        RevocationRequestList,
        query={"status": status, "cursor": cursor, "limit": limit},
        position="cursor",
    )

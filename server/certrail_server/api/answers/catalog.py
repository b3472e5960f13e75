"""Answers about profiles, Applications and what they share."""

from collections.abc import Sequence
from dataclasses import asdict

from certrail.persistence.tables import (
    Application,
    CertificateAuthority,
    CertificatePolicy,
    CertificateProfile,
    Connection,
    Enrollment,
    Membership,
    Principal,
)
from certrail.plugins.registry import PluginInfo
from certrail.services.facade import Services
from certrail_server.api.schemas.applications import (
    ApiEnrollmentOut,
    ApplicationOut,
    AttachedProfileOut,
    MemberOut,
)
from certrail_server.api.schemas.catalog import CertificateProfileOut
from certrail_server.api.schemas.integrations import ConnectionOut, PluginFaultOut, PluginOut


def profile_answers(services: Services, rows: Sequence[CertificateProfile]) -> list[CertificateProfileOut]:
    """One for each row."""
    names = services.names.of(
        {
            CertificateAuthority: (row.ca_id for row in rows),
            CertificatePolicy: (row.policy_id for row in rows),
        }
    )
    authorities, policies = names[CertificateAuthority], names[CertificatePolicy]
    legacy = services.catalog.legacy_enrollments(rows)
    return [
        CertificateProfileOut.about(
            row, legacy.get(row.id), ca=authorities.get(row.ca_id or ""), policy=policies[row.policy_id]
        )
        for row in rows
    ]


def profile_answer(services: Services, row: CertificateProfile) -> CertificateProfileOut:
    """For one row."""
    (answer,) = profile_answers(services, [row])
    return answer


def connection_answer(services: Services, row: Connection) -> ConnectionOut:
    """For one row."""
    return ConnectionOut.of(row, config=services.connections.shown(row))


def plugin_answers(services: Services, infos: Sequence[PluginInfo]) -> list[PluginOut]:
    """One for each plugin."""
    faults = services.plugin_faults.all()
    return [
        PluginOut(
            **asdict(info),
            fault=PluginFaultOut.of(faults[info.key]) if info.key in faults else None,
        )
        for info in infos
    ]


def application_answers(services: Services, rows: Sequence[Application]) -> list[ApplicationOut]:
    """One for each row."""
    attached = services.applications.attached([row.id for row in rows])
    return [ApplicationOut.of(row, profiles=attached.get(row.id, [])) for row in rows]


def application_answer(services: Services, row: Application) -> ApplicationOut:
    """For one row."""
    (answer,) = application_answers(services, [row])
    return answer


def member_answer(row: Membership, principal: Principal) -> MemberOut:
    """For one member."""
    return MemberOut.of(
        row,
        principal=principal.slug,
        kind=principal.kind,
        name=principal.name,
        email=principal.email,
        active=principal.active,
    )


def attached_answer(link: Enrollment, profile: CertificateProfile) -> AttachedProfileOut:
    """For one attached profile."""
    settings = {"auto_renew": {}, **link.settings, "enabled": link.enabled}
    return AttachedProfileOut.of(
        link, profile=profile.slug, name=profile.name, api=ApiEnrollmentOut.model_validate(settings)
    )

"""Certificate requests that come in by a protocol: the acceptance of the API, for another method and requester."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from certrail.domain.content import RequestContent
from certrail.domain.enrollment import EnrollmentMethod, RequestOrigin
from certrail.domain.errors import BadInput
from certrail.domain.policy import PolicyRules
from certrail.persistence.database import session_cache
from certrail.persistence.tables import Certificate, CertificateProfile
from certrail.pki.csr import csr_pem, read_csr
from certrail.pki.enrollment.ber import Malformed
from certrail.pki.enrollment.pkcs10 import parse_request, without_challenge
from certrail.services.catalog.enrollment import enrolled_profile, refuse_off
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.inventory.lineages import lock_current
from certrail.services.inventory.renewal_schedule import refuse_second
from certrail.services.issuance.acceptance import Accepted, accept, refusals_recorded
from certrail.services.issuance.requests import checked_attributes, content_for
from certrail.services.issuance.state import rules_of


@dataclass(frozen=True)
class ProtocolRequest:
    """A request that was read outside of any transaction.

    Attributes:
        application_id: ``None`` in the legacy scope.
        profile: as it was when the content was parsed by it.
    """

    method: EnrollmentMethod
    application_id: str | None
    profile: CertificateProfile
    content: RequestContent
    attributes: Mapping[str, str] = field(default_factory=dict)


def read_request(
    context: ServiceContext,
    method: EnrollmentMethod,
    application_id: str | None,
    profile: str,
    csr: bytes,
    *,
    given: Mapping[str, Any] | None = None,
    attributes: Mapping[str, str] | None = None,
) -> ProtocolRequest:
    """Read a CSR for a profile that is enrolled by the method.

    Args:
        profile: slug or id.
        csr: PKCS#10, DER (RFC 2986).
        given: further members of the content, as the API takes them beside a CSR.

    Raises:
        NotFound: there is no such profile here.
        Conflict: the method is switched off for it (``enrollment-off``).
        BadInput: the CSR cannot be read, or asks for what is not supported.
    """
    with context.db.read() as session:
        chosen, policy, enrolled = enrolled_profile(session, application_id, profile, method)
        refuse_off(method, enrolled)
        rules = PolicyRules.model_validate(policy.rules)
    content = content_for({**(given or {}), "csr": csr_pem(csr)}, chosen, rules)
    if (stored := _without_secret(csr)) != csr:
        content = content.model_copy(update={"csr": csr_pem(stored)})
    return ProtocolRequest(method, application_id, chosen, content, checked_attributes(attributes or {}))


def _without_secret(csr: bytes) -> bytes:
    try:
        return without_challenge(parse_request(csr))
    except Malformed as error:
        raise BadInput(f"The request cannot be taken: {error}.", "csr") from None


def read_request_without_key(
    context: ServiceContext,
    method: EnrollmentMethod,
    application_id: str | None,
    profile: str,
    csr: bytes,
) -> ProtocolRequest:
    """The same for a key that is made here: subject, names, usages and kind of key are those of the CSR."""
    with context.db.read() as session:
        chosen, policy, enrolled = enrolled_profile(session, application_id, profile, method)
        refuse_off(method, enrolled)
        rules = PolicyRules.model_validate(policy.rules)
    facts = read_csr(csr_pem(csr))
    usages = {"key_usages": facts.key_usages, "extended_key_usages": facts.extended_key_usages}
    given = {
        "subject": facts.subject.model_dump(exclude_none=True),
        "sans": facts.sans.model_dump(),
        "key_algorithm": facts.key_algorithm,
        "basic_constraints": facts.basic_constraints.model_dump(),
        **{name: named for name, named in usages.items() if named},
    }
    return ProtocolRequest(method, application_id, chosen, content_for(given, chosen, rules))


@contextmanager
def accepting(context: ServiceContext, actor: Actor, request: ProtocolRequest) -> Iterator[UnitOfWork]:
    """A transaction for `accept_request`, and for what the protocol stores with it. A policy's refusal is recorded."""
    with (
        refusals_recorded(context, actor, request.application_id, request.profile, request.content),
        context.unit_of_work(actor) as uow,
        session_cache(uow.session),
    ):
        yield uow


def accept_request(
    uow: UnitOfWork,
    request: ProtocolRequest,
    *,
    joins: str | None = None,
    covering: str | None = None,
    start: bool = True,
) -> Accepted:
    """Accept it in the caller's transaction, on behalf of the enrollment client that acts.

    Args:
        joins: id of the certificate that the new one supersedes in its lineage.
        covering: id of an approval that was given for this request before it came.
        start: whether its workflow is enqueued.

    Raises:
        PolicyViolation: the certificate policy denies it.
        Conflict: no approval could ever succeed; or the certificate to supersede is superseded, revoked, or being
            renewed already.
    """
    # Read again: the profile and its policy may have changed since the content was parsed by them.
    profile = rules_of(uow.session, request.profile.id, request.application_id).profile
    renewed = _lock_renewed(uow, joins) if joins else None
    return accept(
        uow,
        request.application_id,
        profile,
        request.content,
        dict(request.attributes),
        origin=RequestOrigin(request.method.value),
        renews=renewed,
        covering=covering,
        start=start,
    )


def _lock_renewed(uow: UnitOfWork, certificate_id: str) -> Certificate:
    present = lock_current(uow.session, certificate_id)
    refuse_second(uow.session, present)
    return present

"""Renewal advice: an authority has what it issued replaced within a window (as RFC 9773 does for ACME)."""

from sqlmodel import col

from certrail.domain.events.authorities import CaRenewalAdvised
from certrail.domain.renewal import Advice
from certrail.persistence.tables import Certificate, CertificateAuthority
from certrail.services.authorities.signing import find_authority, lock_authority, versions_of
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.inventory.renewal_schedule import mark


class RenewalAdvice:
    """Advice by authority."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def advise(self, actor: Actor, reference: str, advice: Advice | None) -> CertificateAuthority:
        """Have what the authority has issued so far replaced within a window, unless it is renewed earlier anyway.

        The renewal of every such certificate is scheduled anew; ``None`` withdraws the advice. Raises NotFound.
        """
        with self._context.unit_of_work(actor) as uow:
            known = find_authority(uow.session, reference)
            own = [version.id for version in versions_of(uow.session, known.id)]
            # Lock order of renewals and revocations: lineages, which `mark` updates, before the authority.
            mark(uow, col(Certificate.ca_certificate_id).in_(own))
            authority = lock_authority(uow.session, known.id)
            window = advice.model_dump(mode="json") if advice else None
            authority.advice = {**window, "issued_before": uow.now.isoformat()} if window else None
            uow.session.add(authority)
            uow.record(CaRenewalAdvised(authority.id, slug=authority.slug, advice=window))
            return authority

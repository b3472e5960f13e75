"""Enrollment clients: principals that stand for an ACME account, an EST passphrase or certificate, a SCEP challenge.

They are named in the audit log and in requests. They have no token, no role and no seat in an approval step, and what
an approval policy lets pass for them is said by its `bypass_enrollment_clients` alone.
"""

from sqlmodel import select

from certrail.domain.access import ENROLLMENT_CLIENT
from certrail.domain.events.access import PrincipalCreated
from certrail.persistence.tables import Principal
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import UnitOfWork


def enrollment_client(uow: UnitOfWork, slug: str, name: str) -> Principal:
    """The principal of a client, created when it is first seen.

    Args:
        slug: unique, made of the method and the id of the account or credential, such as ``acme-01hx…``.
        name: as people read it in the audit log and in approval messages.
    """
    found = uow.session.exec(select(Principal).where(Principal.slug == slug)).first()
    if found is not None:
        return found
    row = Principal(
        id=uow.new_id(), created_at=uow.now, kind=ENROLLMENT_CLIENT, slug=slug, name=name[:128], email=None
    )
    uow.session.add(row)
    uow.session.flush()
    uow.record(PrincipalCreated(row.id, kind=row.kind, name=row.name, product_role=None))
    return row


def client_actor(client: Principal, request_id: str | None = None) -> Actor:
    """An enrollment client as the one who acts: it casts no vote and has no product role."""
    return Actor(client.id, client.kind, client.name, request_id=request_id, may_vote=False)

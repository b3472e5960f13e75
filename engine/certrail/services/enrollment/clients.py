"""Enrollment clients: principals that stand for an ACME account, an EST passphrase or certificate, a SCEP challenge.

They are named in the audit log and in requests. They have no token, no role and no seat in an approval step, and what
an approval policy lets pass for them is said by its `bypass_enrollment_clients` alone.
"""

from dataclasses import replace

from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from certrail.domain.access import ENROLLMENT_CLIENT
from certrail.domain.events.access import PrincipalCreated
from certrail.persistence.tables import Principal
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork


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


def known_client(context: ServiceContext, slug: str, name: str, request_id: str | None = None) -> Actor:
    """A client as the one who acts; its principal is created, in a transaction of its own, when it first comes."""
    with context.db.read() as session:
        found = session.exec(select(Principal).where(Principal.slug == slug)).first()
    if found is None:
        try:
            with context.unit_of_work(replace(SYSTEM, request_id=request_id)) as uow:
                found = enrollment_client(uow, slug, name)
        except IntegrityError:
            # It came twice at once; the other call created it.
            with context.db.read() as session:
                found = session.exec(select(Principal).where(Principal.slug == slug)).one()
    return client_actor(found, request_id)

"""CRL mirrors: copies of CRLs at destinations, which relying parties can fetch while this server is unreachable."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, or_, select

from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.domain.events.authorities import (
    CrlMirrorCreated,
    CrlMirrorDeleted,
    CrlMirrorRetried,
)
from certrail.domain.states import MirrorStatus
from certrail.persistence.database import locked
from certrail.persistence.tables import CertificateAuthority, Crl, CrlCopy, CrlMirror
from certrail.services.authorities.signing import find_authority
from certrail.services.core.actor import Actor
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.integrations.plugin_config import (
    destination_class,
    installed,
    plugin_settings,
)
from certrail.services.integrations.stored_config import shown, sync_purpose
from certrail_sdk import Publishes

KEY_DIGITS = 16


class Mirrors:
    """Configured by Product Admins; see `certrail.services.authorities.crl_publication` for how a copy is published."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def create(
        self,
        actor: Actor,
        authority: str,
        *,
        slug: str,
        destination: str,
        config: Mapping[str, Any],
        connection: str | None = None,
        url: str | None = None,
    ) -> CrlMirror:
        """Have every list of an authority copied to a destination, now and whenever a new one is signed.

        Args:
            url: the folder in which others find the copies, ``http://`` or ``https://``; certificates that are issued
                from now on name it beside the address here. Left out, only this server is named.

        Raises:
            NotFound: there is no such authority or connection.
            BadInput: the destination cannot publish, or its configuration is wrong.
            Conflict: the authority has a mirror of this name.
        """
        plugin = destination_class(self._context, destination)
        if not issubclass(plugin, Publishes):
            raise BadInput("This destination cannot hold public files; choose another one.", "destination")
        with self._context.unit_of_work(actor) as uow:
            session, ca = uow.session, find_authority(uow.session, authority)
            taken = select(CrlMirror).where(CrlMirror.ca_id == ca.id, CrlMirror.slug == slug)
            if session.exec(taken).first():
                raise Conflict(f"The authority has a mirror {slug!r} already.")
            ident = uow.new_id()
            settings = plugin_settings(
                self._context, session, plugin, sync_purpose(ident), config, connection
            )
            mirror = CrlMirror(
                id=ident,
                created_at=uow.now,
                ca_id=ca.id,
                slug=slug,
                destination=destination,
                **settings,
                url=url.rstrip("/") if url else None,
            )
            session.add(mirror)
            uow.record(CrlMirrorCreated(mirror.id, ca=ca.slug, slug=slug, url=mirror.url))
            for crl in session.exec(select(Crl).where(Crl.ca_id == ca.id)).all():
                _want(uow, mirror, crl)
            return mirror

    def delete(self, actor: Actor, authority: str, slug: str) -> None:
        """Delete a mirror; published copies stay at the destination. Raises NotFound."""
        with self._context.unit_of_work(actor) as uow:
            mirror = _find(uow.session, authority, slug)
            copies = uow.session.exec(select(CrlCopy).where(CrlCopy.mirror_id == mirror.id)).all()
            for row in (*copies, mirror):
                uow.session.delete(row)
            left = [copy.object_name for copy in copies if copy.receipt]
            uow.record(CrlMirrorDeleted(mirror.id, slug=slug, left_behind=left))

    def list(self, authority: str) -> Sequence[tuple[CrlMirror, Sequence[CrlCopy]]]:
        """The mirrors of an authority with their copies. Raises NotFound."""
        with self._context.db.read() as session:
            ca = find_authority(session, authority)
            found = session.exec(select(CrlMirror).where(CrlMirror.ca_id == ca.id).order_by(CrlMirror.slug))
            return [(mirror, _copies(session, mirror)) for mirror in found.all()]

    def get(self, authority: str, slug: str) -> tuple[CrlMirror, Sequence[CrlCopy]]:
        """One mirror with its copies. Raises NotFound."""
        with self._context.db.read() as session:
            mirror = _find(session, authority, slug)
            return mirror, _copies(session, mirror)

    def shown(self, mirror: CrlMirror) -> dict[str, Any]:
        """The configuration with its secrets masked."""
        return shown(self._context, mirror, installed(self._context.plugins.destination, mirror.destination))

    def retry(self, actor: Actor, authority: str, slug: str) -> tuple[CrlMirror, Sequence[CrlCopy]]:
        """Publish every list anew, by hand. Raises NotFound."""
        with self._context.unit_of_work(actor) as uow:
            mirror = _find(uow.session, authority, slug)
            for crl in uow.session.exec(select(Crl).where(Crl.ca_id == mirror.ca_id)).all():
                _want(uow, mirror, crl, anew=True)
            uow.record(CrlMirrorRetried(mirror.id, slug=slug))
        return self.get(authority, slug)


def mirror_everywhere(uow: UnitOfWork, crl: Crl) -> None:
    """Have a list that was just signed copied to every mirror of its authority."""
    for mirror in uow.session.exec(select(CrlMirror).where(CrlMirror.ca_id == crl.ca_id)).all():
        _want(uow, mirror, crl)


def mirror_urls(session: Session, ca_id: str, spki: str) -> tuple[str, ...]:
    """Where others find the copies of one key's list."""
    query = select(CrlMirror.url).where(CrlMirror.ca_id == ca_id, col(CrlMirror.url).is_not(None))
    return tuple(f"{url}/{file_name(spki)}" for url in session.exec(query.order_by(CrlMirror.slug)).all())


def file_name(spki: str) -> str:
    """Of the list of one key, the same at every mirror and here."""
    return f"{spki[:KEY_DIGITS]}.crl"


def delete_mirrors(session: Session, ca_id: str) -> None:
    """Forget the mirrors of an authority that is deleted."""
    for mirror in session.exec(select(CrlMirror).where(CrlMirror.ca_id == ca_id)).all():
        for row in (*_copies(session, mirror), mirror):
            session.delete(row)


def _want(uow: UnitOfWork, mirror: CrlMirror, crl: Crl, *, anew: bool = False) -> None:
    query = select(CrlCopy).where(CrlCopy.mirror_id == mirror.id, CrlCopy.crl_id == crl.id)
    copy = uow.session.exec(locked(query)).first()
    if copy is None:
        copy = CrlCopy(
            id=uow.new_id(),
            created_at=uow.now,
            mirror_id=mirror.id,
            crl_id=crl.id,
            object_name=file_name(crl.spki),
        )
    copy.status, copy.next_try_at = MirrorStatus.PENDING, uow.now
    copy.number = None if anew else copy.number
    uow.session.add(copy)
    uow.enqueue(workflow_of(copy, mirror), signal=f"{crl.number}-{uow.new_id()}")


def workflow_of(copy: CrlCopy, mirror: CrlMirror) -> WorkflowStart:
    """The workflow that publishes the present list at a mirror."""
    return WorkflowStart(
        flow="mirror",
        workflow_id=f"mirror-{copy.id}",
        subject_id=copy.id,
        summary=f"Publish {copy.object_name} at {mirror.slug}",
        plugin=f"destination-{mirror.destination}",
    )


def _find(session: Session, authority: str, slug: str) -> CrlMirror:
    named = or_(CertificateAuthority.id == authority, CertificateAuthority.slug == authority)
    query = select(CrlMirror).join(CertificateAuthority, col(CertificateAuthority.id) == col(CrlMirror.ca_id))
    if (found := session.exec(query.where(named, CrlMirror.slug == slug)).first()) is None:
        find_authority(session, authority)  # else that is what there is none of
        raise NotFound("mirror", slug)
    return found


def _copies(session: Session, mirror: CrlMirror) -> Sequence[CrlCopy]:
    return session.exec(
        select(CrlCopy).where(CrlCopy.mirror_id == mirror.id).order_by(CrlCopy.object_name)
    ).all()

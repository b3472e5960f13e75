"""Mirrors of revocation lists: copies at destinations, to be had while this server cannot be reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlmodel import Session, col, select

from certrail.checkpoints import checkpoint
from certrail.crypto.purposes import SYNC_PURPOSE
from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.domain.events.authorities import (
    CrlMirrorCreated,
    CrlMirrorDeleted,
    CrlMirrorFailed,
    CrlMirrorPublished,
    CrlMirrorRetried,
)
from certrail.persistence.database import locked
from certrail.persistence.tables import Crl, CrlCopy, CrlMirror
from certrail.services.authorities.signing import find_authority
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.failure import Failure
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.integrations.plugin_config import (
    destination_class,
    destination_of,
    find_connection,
    masked,
    own_values,
    validated,
)
from certrail_sdk import Context, Destination, Publication, Publishes, Receipt

MEDIA_TYPE = "application/pkix-crl"
KEY_DIGITS = 16


@dataclass(frozen=True)
class MirrorWork:
    """One try to publish a list."""

    copy_id: str
    number: int
    destination: Destination[Any]
    publication: Publication
    plugin: str


class Mirrors:
    """Made by Product Admins. Every step of a copy may run twice and lands on the same file."""

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
            link = find_connection(session, connection) if connection else None
            parsed = validated(self._context, plugin, config, link)
            mirror = CrlMirror(
                id=uow.new_id(),
                created_at=uow.now,
                ca_id=ca.id,
                slug=slug,
                destination=destination,
                connection_id=link.id if link else None,
                config_sealed=self._context.keyring.seal_json(own_values(parsed, config), SYNC_PURPOSE),
                config_revision=plugin.config_type.revision,
                url=url.rstrip("/") if url else None,
            )
            session.add(mirror)
            uow.record(CrlMirrorCreated(mirror.id, ca=ca.slug, slug=slug, url=mirror.url))
            for crl in session.exec(select(Crl).where(Crl.ca_id == ca.id)).all():
                _want(uow, mirror, crl)
            return mirror

    def delete(self, actor: Actor, authority: str, slug: str) -> None:
        """Copy no more. What was published stays where it is. Raises NotFound."""
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
        stored = self._context.keyring.open_json(mirror.config_sealed, SYNC_PURPOSE)
        return masked(destination_class(self._context, mirror.destination), stored)

    def retry(self, actor: Actor, authority: str, slug: str) -> tuple[CrlMirror, Sequence[CrlCopy]]:
        """Publish every list anew, by hand. Raises NotFound."""
        with self._context.unit_of_work(actor) as uow:
            mirror = _find(uow.session, authority, slug)
            for crl in uow.session.exec(select(Crl).where(Crl.ca_id == mirror.ca_id)).all():
                _want(uow, mirror, crl, anew=True)
            uow.record(CrlMirrorRetried(mirror.id, slug=slug))
        return self.get(authority, slug)

    def begin(self, copy_id: str, attempt: int) -> MirrorWork | None:
        """Record the intent to publish, then hand out the work; ``None`` when the present list is there."""
        with self._context.unit_of_work(SYSTEM) as uow:
            copy = _locked(uow.session, copy_id)
            crl = uow.session.get_one(Crl, copy.crl_id) if copy else None
            if copy is None or crl is None or copy.number == crl.number or copy.status == "failed":
                return None
            mirror = uow.session.get_one(CrlMirror, copy.mirror_id)
            der = x509.load_pem_x509_crl(crl.pem.encode()).public_bytes(Encoding.DER)
            work = MirrorWork(
                copy_id=copy.id,
                number=crl.number,
                destination=destination_of(self._context, uow.session, mirror, Context()),
                publication=Publication(
                    delivery=copy.id,
                    name=copy.object_name,
                    receipt=Receipt.model_validate(copy.receipt) if copy.receipt else None,
                    content=der,
                    media_type=MEDIA_TYPE,
                    may_exist=copy.intent_at is not None,
                ),
                plugin=f"{mirror.destination} "
                f"{self._context.plugins.info('destination', mirror.destination).version}",
            )
            copy.intent_at, copy.attempts, copy.next_try_at = copy.intent_at or uow.now, attempt, None
            uow.session.add(copy)
        checkpoint("mirror.intended")
        return work

    def published(self, copy_id: str, number: int, receipt: Receipt) -> None:
        """Record the receipt."""
        with self._context.unit_of_work(SYSTEM) as uow:
            copy = _locked(uow.session, copy_id)
            if copy is None or copy.number == number:
                return
            copy.number, copy.receipt = number, receipt.model_dump(mode="json")
            copy.intent_at = copy.last_error = copy.next_try_at = None
            copy.status, copy.published_at = "published", uow.now
            uow.session.add(copy)
            mirror = uow.session.get_one(CrlMirror, copy.mirror_id)
            uow.record(
                CrlMirrorPublished(mirror.id, slug=mirror.slug, number=number, reference=receipt.reference)
            )

    def failed(self, copy_id: str, failure: Failure) -> None:
        """Record a failed try; the first of a series, and the final one, become events."""
        with self._context.unit_of_work(SYSTEM) as uow:
            copy = _locked(uow.session, copy_id)
            if copy is None:
                return
            first = copy.last_error is None
            copy.status = "failed" if failure.permanent else "retrying"
            copy.last_error, copy.next_try_at = failure.stored(uow.now), failure.next_try_at
            uow.session.add(copy)
            if first or failure.permanent:
                mirror = uow.session.get_one(CrlMirror, copy.mirror_id)
                uow.record(
                    CrlMirrorFailed(
                        mirror.id,
                        slug=mirror.slug,
                        kind=failure.kind,
                        message=failure.message,
                        action=failure.action,
                        permanent=failure.permanent,
                    )
                )


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
    copy.status, copy.next_try_at = "pending", uow.now
    copy.number = None if anew else copy.number
    uow.session.add(copy)
    uow.enqueue(
        "mirror",
        f"mirror-{copy.id}",
        copy.id,
        summary=f"Publish {copy.object_name} at {mirror.slug}",
        plugin=f"destination-{mirror.destination}",
        signal=f"{crl.number}-{uow.new_id()}",
    )


def _find(session: Session, authority: str, slug: str) -> CrlMirror:
    ca = find_authority(session, authority)
    query = select(CrlMirror).where(CrlMirror.ca_id == ca.id, CrlMirror.slug == slug)
    if (found := session.exec(query).first()) is None:
        raise NotFound("mirror", slug)
    return found


def _copies(session: Session, mirror: CrlMirror) -> Sequence[CrlCopy]:
    return session.exec(
        select(CrlCopy).where(CrlCopy.mirror_id == mirror.id).order_by(CrlCopy.object_name)
    ).all()


def _locked(session: Session, copy_id: str) -> CrlCopy | None:
    return session.exec(locked(select(CrlCopy).where(CrlCopy.id == copy_id))).first()

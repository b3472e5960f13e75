"""Revocation lists are copied to destinations, newest always, and certificates say where."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from sqlmodel import select
from temporalio.exceptions import ApplicationError
from tests.integration.conftest import Team
from tests.integration.verbs import run_verb

from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.persistence.tables import Certificate, CrlCopy, OutboxRow

URL = "http://lists.example.com/certrail"


@dataclass
class Mirrored:
    """A root whose lists go to a folder."""

    team: Team
    folder: Path

    def create(self, url: str | None = URL, **changes: object) -> None:
        given: dict[str, Any] = {
            "slug": "web",
            "destination": "files",
            "config": {},
            "connection": "disk",
            "url": url,
        }
        self.team.services.mirrors.create(self.team.admin, "root", **(given | changes))

    async def work(self) -> None:
        """Let every copy's workflow take its turn."""
        with self.team.services.context.db.read() as session:
            copies = session.exec(select(CrlCopy.id)).all()
        for copy in copies:
            await run_verb(self.team, self.team.services.effects.mirror, copy)

    def issue(self) -> Certificate:
        request, _ = self.team.ask(self.team.admin)
        self.team.services.issuance.advance(request)
        return self.team.services.inventory.get(self.team.services.requests.get(request).certificate_id or "")

    @property
    def copy(self) -> CrlCopy:
        ((_, (copy,)),) = self.team.services.mirrors.list("root")
        return copy

    def file(self) -> bytes:
        (path,) = self.folder.glob("*.crl")
        return path.read_bytes()

    def reported(self, type_: str) -> int:
        return len(self.team.services.audit_log.events(None, type_=type_, limit=1000))


@pytest.fixture
def mirrored(team: Team, tmp_path: Path) -> Mirrored:
    folder = tmp_path / "lists"
    folder.mkdir()
    config = {"root": str(folder)}
    team.services.connections.create(team.admin, slug="disk", name="D", type_="folder", config=config)
    team.services.sweeps["revocation-lists"]()
    return Mirrored(team, folder)


async def test_what_is_served_here_is_there_too_after_every_change(mirrored: Mirrored) -> None:
    services, admin = mirrored.team.services, mirrored.team.admin
    mirrored.create()
    await mirrored.work()
    assert mirrored.file() == services.status_responder.crl("root").content
    certificate = mirrored.issue()
    services.revocation.revoke(admin, certificate.id)
    await mirrored.work()
    assert mirrored.file() == services.status_responder.crl("root").content
    listed = x509.load_der_x509_crl(mirrored.file())
    assert listed.get_revoked_certificate_by_serial_number(int(certificate.serial, 16))
    mirrored.team.clock.advance(timedelta(days=2))
    services.sweeps["revocation-lists"]()
    await mirrored.work()
    assert mirrored.file() == services.status_responder.crl("root").content
    assert mirrored.reported("crl_mirror.published") == 3
    await mirrored.work()
    assert mirrored.reported("crl_mirror.published") == 3, "the same list is not published twice"


async def test_certificates_name_the_mirror(mirrored: Mirrored) -> None:
    mirrored.create()
    mirrored.create(url=None, slug="quiet")
    leaf = x509.load_pem_x509_certificate(mirrored.issue().pem.encode())
    points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    named = [name.value for point in points for name in point.full_name or ()]
    assert f"{URL}/{mirrored.team.services.mirrors.list('root')[0][1][0].object_name}" in named
    assert len([name for name in named if name.startswith(URL)]) == 1


async def test_a_folder_that_is_gone_is_reported_once_and_published_to_when_it_is_back(
    mirrored: Mirrored,
) -> None:
    mirrored.create()
    mirrored.folder.rmdir()
    for _ in range(2):
        with pytest.raises(ApplicationError) as gone:
            await mirrored.work()
        assert not gone.value.non_retryable, "a share that is not mounted comes back by itself"
    assert mirrored.reported("crl_mirror.failed") == 1
    mirrored.folder.mkdir()
    await mirrored.work()
    assert mirrored.file()
    assert (mirrored.copy.status, mirrored.copy.last_error) == ("published", None)
    assert mirrored.reported("crl_mirror.failed") == 1


async def test_what_somebody_else_put_there_is_left_alone(mirrored: Mirrored) -> None:
    mirrored.create()
    path = mirrored.folder / mirrored.copy.object_name
    path.write_bytes(b"theirs")
    with pytest.raises(ApplicationError) as refusal:
        await mirrored.work()
    assert refusal.value.non_retryable
    assert path.read_bytes() == b"theirs"
    assert mirrored.copy.status == "failed"


async def test_a_crash_between_the_write_and_its_receipt_is_healed(mirrored: Mirrored) -> None:
    mirrored.create()
    work = mirrored.team.services.effects.mirror.begin(mirrored.copy.id, 1)
    assert work
    await work.destination.publish(work.publication)  # type: ignore[union-attr]
    mirrored.team.services.revocation.revoke(mirrored.team.admin, mirrored.issue().id)
    await mirrored.work()
    assert mirrored.file() == mirrored.team.services.status_responder.crl("root").content


async def test_taken_away_by_others_it_is_published_anew_by_hand(mirrored: Mirrored) -> None:
    mirrored.create()
    await mirrored.work()
    next(mirrored.folder.iterdir()).unlink()
    mirrored.team.services.mirrors.retry(mirrored.team.admin, "root", "web")
    await mirrored.work()
    assert mirrored.file()


async def test_a_mirror_that_is_deleted_leaves_what_it_published(mirrored: Mirrored) -> None:
    services, admin = mirrored.team.services, mirrored.team.admin
    mirrored.create()
    await mirrored.work()
    with pytest.raises(Conflict, match="web"):
        services.connections.delete(admin, "disk")
    services.mirrors.delete(admin, "root", "web")
    assert mirrored.file()
    assert not services.mirrors.list("root")
    services.connections.delete(admin, "disk")
    with pytest.raises(NotFound):
        services.mirrors.get("root", "web")


def test_every_new_list_is_reported_to_the_workflow_of_each_copy(mirrored: Mirrored) -> None:
    mirrored.create()
    mirrored.team.services.revocation.revoke(mirrored.team.admin, mirrored.issue().id)
    with mirrored.team.services.context.db.read() as session:
        rows = session.exec(select(OutboxRow).where(OutboxRow.flow == "mirror")).all()
    assert len(rows) == len({row.signal for row in rows}) == 2
    assert {row.workflow_id for row in rows} == {f"mirror-{mirrored.copy.id}"}


def test_what_cannot_publish_and_what_is_there_is_refused(mirrored: Mirrored) -> None:
    with pytest.raises(BadInput, match="public files"):
        mirrored.create(destination="aws-acm")
    mirrored.create()
    with pytest.raises(Conflict):
        mirrored.create()

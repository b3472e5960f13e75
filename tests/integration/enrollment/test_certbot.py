"""certbot against the server: issue, renew."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from sqlmodel import select
from tests.integration.enrollment.acme_world import AcmeWorld
from tests.integration.enrollment.certbot import Certbot

from certrail.persistence.tables import AcmeAccount, Certificate
from certrail.services.enrollment.acme import renewal_info

pytestmark = pytest.mark.any_database


def test_certbot_issues_and_renews_in_one_lineage(acme: AcmeWorld, tmp_path: Path) -> None:
    acme.here("a.example.com", "b.example.com")
    certbot = Certbot.at(tmp_path, acme.directory)
    acme.settings(http_port=certbot.port)
    certbot.certonly("a.example.com", "b.example.com")
    first = x509.load_pem_x509_certificate(certbot.live("a.example.com").read_bytes())
    certbot.run("renew", "--force-renewal", "--no-random-sleep-on-renew")
    second = x509.load_pem_x509_certificate(certbot.live("a.example.com").read_bytes())
    assert first.serial_number != second.serial_number
    with acme.team.services.context.db.read() as session:
        rows = {row.status: row for row in session.exec(select(Certificate)).all()}
        (account,) = session.exec(select(AcmeAccount)).all()
    assert account.thumbprint
    assert int(rows["superseded"].serial, 16) == first.serial_number
    assert int(rows["active"].serial, 16) == second.serial_number
    assert len({row.lineage_id for row in rows.values()}) == 1


def test_certbot_is_refused_a_name_by_the_policy(acme: AcmeWorld, tmp_path: Path) -> None:
    certbot = Certbot.at(tmp_path, acme.directory)
    printed = certbot.certonly("www.elsewhere.test", fails=True)
    assert "is not allowed; allowed: *.example.com" in printed


def test_certbot_requires_and_prefers_a_profile(acme: AcmeWorld, tmp_path: Path) -> None:
    """draft-ietf-acme-profiles-00: the directory offers its own."""
    acme.here("a.example.com")
    certbot = Certbot.at(tmp_path, acme.directory)
    acme.settings(http_port=certbot.port)
    certbot.certonly("a.example.com", more=("--required-profile", "other"), fails=True)
    certbot.certonly("a.example.com", more=("--required-profile", "web"))
    certbot.certonly("a.example.com", more=("--preferred-profile", "other", "--force-renewal"))
    with acme.team.services.context.db.read() as session:
        assert len({row.lineage_id for row in session.exec(select(Certificate)).all()}) == 1


def test_certbot_comes_by_itself_once_the_window_was_moved(
    acme: AcmeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal_info, "LONGEST_PAUSE", timedelta(0))
    monkeypatch.setattr(renewal_info, "SHORTEST_PAUSE", timedelta(0))
    acme.here("a.example.com")
    certbot = Certbot.at(tmp_path, acme.directory)
    acme.settings(http_port=certbot.port)
    certbot.certonly("a.example.com")
    first = certbot.live("a.example.com").read_bytes()
    certbot.run("renew", "--no-random-sleep-on-renew")
    assert certbot.live("a.example.com").read_bytes() == first, "it is not due"
    acme.replace_all()
    certbot.run("renew", "--no-random-sleep-on-renew")
    assert certbot.live("a.example.com").read_bytes() != first
    with acme.team.services.context.db.read() as session:
        rows = session.exec(select(Certificate)).all()
    assert sorted(row.status for row in rows) == ["active", "superseded"]
    assert len({row.lineage_id for row in rows}) == 1

"""Event classes: what a payload holds, which incident an event is about, and what a class must say of itself."""

from dataclasses import FrozenInstanceError, dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from certrail.domain.events import EVENTS, Event
from certrail.domain.events.access import TokenCreated, TokenRotated
from certrail.domain.events.alerting import IncidentAcknowledged
from certrail.domain.events.delivery import DeliveryFailed, DeliveryRemovalFailed, DeliveryVerified
from certrail.domain.events.lifecycle import CertificateHeld, CertificateRevoked
from certrail_sdk import Severity, Stage

AT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
DELIVERY: dict[str, Any] = {
    "subject_id": "d-1",
    "sync": "files",
    "destination": "files",
    "object_name": "x",
    "lineage_id": "l-1",
}
FAILURE: dict[str, Any] = {"kind": "Unreachable", "message": "no", "action": "wait", "permanent": False}
REVOCATION: dict[str, Any] = {"lineage_id": "l-1", "common_name": None, "serial": "1", "reason": None}


def test_a_payload_has_every_field_but_the_envelope() -> None:
    event = TokenRotated("t-1", "a-1", name="deploy", holds_until=AT)
    assert event.payload() == {"name": "deploy", "holds_until": "2030-01-02T03:04:05+00:00"}
    assert TokenCreated("t-1", name="x", owner="ada", scopes=None).payload() == {
        "name": "x",
        "owner": "ada",
        "scopes": None,
    }


def test_an_event_is_not_changed() -> None:
    event = TokenRotated("t-1", name="deploy", holds_until=AT)
    with pytest.raises(FrozenInstanceError):
        event.name = "other"  # type: ignore[misc]


def test_a_failed_delivery_and_a_failed_removal_are_two_incidents() -> None:
    delivery = DeliveryFailed(**DELIVERY, **FAILURE)
    removal = DeliveryRemovalFailed(
        **DELIVERY,
        **FAILURE,
        retirement_id="r-1",
        certificate_id="c-1",
        reference="x",
        reason="revoked",
    )
    assert (delivery.incident_key(), removal.incident_key()) == ("delivery-d-1", "removal-r-1")
    assert (delivery.severity, delivery.stage) == (Severity.CRITICAL, Stage.OPEN)


def test_an_event_without_a_stage_is_about_no_incident() -> None:
    assert DeliveryVerified(**DELIVERY, certificate_id="c-1").incident_key() is None
    assert CertificateHeld("c-1", **REVOCATION, superseded=False).incident_key() is None


def test_the_revocation_of_a_superseded_certificate_closes_no_incident() -> None:
    assert CertificateRevoked("c-1", **REVOCATION, superseded=False).incident_key() == "certificate-l-1"
    assert CertificateRevoked("c-1", **REVOCATION, superseded=True).incident_key() is None


def test_an_acknowledgement_is_about_the_incident_itself() -> None:
    event = IncidentAcknowledged("i-1", key="delivery-d-1", common_name="x", comment=None)
    assert (event.incident_key(), event.stage) == ("delivery-d-1", Stage.ACKNOWLEDGED)


def test_only_created_events_name_what_a_change_created() -> None:
    assert TokenCreated("t-1", name="x", owner="ada", scopes=None).creates
    assert not TokenRotated("t-1", name="deploy", holds_until=AT).creates


def test_a_type_belongs_to_one_class() -> None:
    with pytest.raises(TypeError, match="TokenCreated already"):

        class Again(Event, type="token.created", title="Again", subject="token"):
            pass


@pytest.mark.parametrize("head", [{"title": "Untold"}, {"subject": "token"}])
def test_a_class_says_its_title_and_subject(head: dict[str, str]) -> None:
    with pytest.raises(TypeError, match="subject and a title"):

        @dataclass(frozen=True)
        class Untold(Event, type="token.untold", **head):
            pass

    assert "token.untold" not in EVENTS

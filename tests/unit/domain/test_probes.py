"""Where a probe looks, and what follows from what it finds."""

from datetime import UTC, datetime, timedelta

import pytest

from certrail.domain.endpoints.probes import (
    MOST_PROBES,
    ProbeProtocol,
    ProbeSettings,
    ProbeState,
    ProbeVerdict,
    require_distinct,
)
from certrail.domain.errors import BadInput

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GRACE, INTERVAL = timedelta(minutes=10), timedelta(hours=1)


@pytest.mark.parametrize(
    ("settings", "endpoint"),
    [
        ({"host": "{{common_name}}"}, "tls://www.example.com:443"),
        ({"host": "mail.example.com", "protocol": ProbeProtocol.SMTP}, "smtp://mail.example.com:25"),
        ({"host": "10.1.2.3", "protocol": ProbeProtocol.IMAP}, "imap://10.1.2.3:143"),
        ({"host": "fd00::1", "port": 993}, "tls://[fd00::1]:993"),
        (
            {"host": "10.1.2.3", "server_name": "{{ common_name }}", "protocol": ProbeProtocol.POSTGRESQL},
            "postgresql://10.1.2.3:5432 as www.example.com",
        ),
    ],
)
def test_an_endpoint_is_that_of_the_certificate(settings: dict[str, object], endpoint: str) -> None:
    probe = ProbeSettings(**settings)  # type: ignore[arg-type]
    assert str(probe.endpoint("WWW.example.com")) == endpoint
    assert ProbeSettings.stored(probe.values()) == probe


def test_an_address_is_no_server_name() -> None:
    assert ProbeSettings("10.1.2.3").endpoint("a.example.com").server_name == ""


@pytest.mark.parametrize(
    "host", ["", "a b", "http://a.example.com", "a.example.com:443", "{{profile}}", "*.example.com", "a\r\nb"]
)
def test_what_is_no_host_is_refused_by_its_name(host: str) -> None:
    with pytest.raises(BadInput) as refusal:
        ProbeSettings(host)
    assert refusal.value.extra["field"] == "probes.host"
    with pytest.raises(BadInput) as refusal:
        ProbeSettings("a.example.com", server_name=host)
    assert refusal.value.extra["field"] == "probes.server_name"


def test_a_wildcard_has_no_host() -> None:
    assert ProbeSettings("{{common_name}}").endpoint("*.example.com").fault() == (
        "*.example.com is no host: name one in the sync."
    )


def test_probes_of_a_sync_are_few_and_distinct() -> None:
    one = ProbeSettings("a.example.com")
    require_distinct([one, ProbeSettings("a.example.com", 8443)])
    with pytest.raises(BadInput, match="given twice"):
        require_distinct([one, ProbeSettings("A.example.com", 443, grace_seconds=1)])
    with pytest.raises(BadInput, match="at most"):
        require_distinct([ProbeSettings("a.example.com", 1 + port) for port in range(MOST_PROBES + 1)])


def test_within_the_grace_the_pauses_grow_and_its_end_is_not_skipped() -> None:
    state, now = ProbeState(grace_until=NOW + GRACE, due_at=NOW), NOW
    looks = []
    while state.reported_at is None:
        state = state.after(ProbeVerdict.OLDER, now, GRACE, INTERVAL)
        assert state.due_at is not None
        looks.append((now - NOW).total_seconds())
        now = state.due_at
    assert looks == [0, 5, 15, 35, 75, 155, 315, 600]
    assert state.reported_at == NOW + GRACE
    again = state.after(ProbeVerdict.UNREACHABLE, now, GRACE, INTERVAL)
    assert again.reported_at == state.reported_at, "reported once"
    for _ in range(30):
        again = again.after(ProbeVerdict.OLDER, now, GRACE, INTERVAL)
    assert again.due_at == now + INTERVAL


def test_what_was_served_has_a_grace_again() -> None:
    served = ProbeState().after(ProbeVerdict.SERVED, NOW, GRACE, INTERVAL)
    assert served == ProbeState(ProbeVerdict.SERVED, due_at=NOW + INTERVAL)
    lost = served.after(ProbeVerdict.UNREACHABLE, NOW, GRACE, INTERVAL)
    assert (lost.reported_at, lost.grace_until, lost.due_at) == (
        None,
        NOW + GRACE,
        NOW + timedelta(seconds=5),
    )


def test_without_a_grace_the_first_look_counts() -> None:
    assert ProbeState().after(ProbeVerdict.OTHER, NOW, timedelta(0), INTERVAL).reported_at == NOW

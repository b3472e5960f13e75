"""A channel that cannot be reached is named by `doctor`, in the list of channels and in an incident, until it works."""

from typing import cast

from tests.integration import alert_world
from tests.integration.alert_world import REFUSED
from tests.integration.cli_shell import Shell
from tests.integration.conftest import Team

from certrail.services.alerting.alerts import Escalation
from certrail_sdk import Sent
from certrail_server import doctor
from certrail_server.bootstrap import App
from certrail_server.settings import Settings
from certrail_workflows.client import TemporalOrchestrator


def failing(team: Team) -> None:
    """A message to the channel `mail` is refused; the channel `other` hears of that."""
    alert_world.connect(team)
    for slug in ("mail", "other"):
        alert_world.channel(team, slug)
    alert_world.alert(team, "certificate.issued")
    team.services.alerts.create_alert(
        team.admin,
        team.application,
        slug="channels",
        name="Channels",
        events=["channel.failed"],
        channels=["other"],
        escalation=[Escalation(alert_world.HOUR, ["other"])],
    )
    alert_world.happens(team, "certificate.issued")
    row = alert_world.only(team, "pending")
    call = team.services.effects.notify.begin(row.id, 1)
    assert call is not None
    team.services.effects.notify.fail(row.id, REFUSED)


def found(team: Team) -> list[doctor.Finding]:
    app = App(cast(Settings, None), team.services, cast(TemporalOrchestrator, None))
    return doctor._failing_channels(app)


def test_doctor_and_an_incident_name_it_until_it_works(team: Team) -> None:
    failing(team)
    (finding,) = found(team)
    assert (finding.check, finding.ok) == ("channel mail", False)
    assert "certrail channel check app mail" in finding.detail
    (incident,) = team.services.incidents.list(team.application)
    assert "mail" in str(incident.content)
    alert_world.happens(team, "certificate.issued", common_name="b.example.com")
    rows = team.services.alerts.notifications(team.application, "pending")
    (again,) = (row for row in rows if alert_world.slug_of(team, row) == "mail")
    alert_world.sent(team, again, Sent(reference="1"))
    assert found(team) == []


def test_the_list_of_channels_says_since_when(shell: Shell) -> None:
    failing(shell.team)
    rows = {row["slug"]: row["failing_since"] for row in shell.json("channel", "list", "app")}
    assert rows["mail"]
    assert rows["other"] is None
    assert "failing since" in shell.run("channel", "list", "app")

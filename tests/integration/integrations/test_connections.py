"""Where certrail goes, and as whom, is for Product Admins to say."""

from typing import Any

import pytest
from tests.integration.conftest import Team

from certrail.domain.errors import BadInput


def channel(team: Team, notifier: str, config: dict[str, Any], connection: str | None = None) -> None:
    team.services.channels.create(
        team.admin,
        team.application,
        slug="tell",
        name="Tell",
        notifier=notifier,
        config=config,
        connection=connection,
    )


def connect(team: Team, slug: str, type_: str, config: dict[str, Any]) -> None:
    team.services.connections.create(team.admin, slug=slug, name=slug, type_=type_, config=config)


@pytest.mark.parametrize(
    ("notifier", "config"),
    [
        ("webhook", {"url": "https://169.254.169.254/", "allowed_hosts": ["169.254.169.254"]}),
        ("email", {"host": "10.0.0.1", "sender": "a@example.com", "recipients": ["b@example.com"]}),
    ],
)
def test_nobody_goes_anywhere_without_a_connection(team: Team, notifier: str, config: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="takes a connection, one of type"):
        channel(team, notifier, config)


def test_a_connection_is_not_bent_to_another_host(team: Team) -> None:
    connect(team, "hook", "webhook", {"url": "https://receiver.example.com/"})
    with pytest.raises(BadInput, match="belong to the connection; leave them out: allowed_hosts, url"):
        channel(team, "webhook", {"url": "https://10.0.0.1/", "allowed_hosts": ["10.0.0.1"]}, "hook")
    channel(team, "webhook", {}, "hook")


def test_a_connection_of_another_type_is_refused(team: Team) -> None:
    connect(team, "hook", "webhook", {"url": "https://receiver.example.com/"})
    with pytest.raises(
        BadInput, match="'email' takes a connection, one of type 'smtp'; 'hook' is of type 'web"
    ):
        channel(team, "email", {"sender": "a@example.com", "recipients": ["b@example.com"]}, "hook")


@pytest.mark.parametrize("destination", ["files", "aws-acm"])
def test_the_workers_own_folders_and_identity_are_not_for_everybody(team: Team, destination: str) -> None:
    config = {"files": {"root": "/etc"}, "aws-acm": {"region": "eu-central-1"}}[destination]
    with pytest.raises(BadInput, match="takes a connection"):
        team.services.syncs.create(
            team.admin, team.application, slug="s", name="S", destination=destination, config=config
        )

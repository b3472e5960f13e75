"""A project with fifty certificates, brought into a running installation by the command, lives on over HTTP."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from examples.demo.installation import Api, Refused, until
from examples.older_project.project import Json, project
from tests.live.live_stack import PATIENCE, LiveStack, names_of

pytestmark = pytest.mark.endurance

DUE = ("int-05", "int-06", "int-12", "int-13")
"""Issued five or six days ago, for seven."""
APPROVERS = ("ada", "grace")


@dataclass
class Older:
    """The loaded project in the installation of all live tests."""

    live_stack: LiveStack
    export: Json
    folder: Path
    arn: str
    loaded: Json = field(default_factory=dict)
    people: dict[str, Api] = field(default_factory=dict)

    def load(self) -> Json:
        """Run the command as a person does."""
        file = self.folder / "export.json"
        file.write_text(json.dumps(self.export))
        outcome: Json = json.loads(self.live_stack.installation.run("migration", "load", str(file), "--json"))
        return outcome

    def read(self, path: str, who: str = "admin", **params: Any) -> list[Json]:
        """A list, however many pages it has."""
        found: list[Json] = []
        cursor = None
        while True:
            given: dict[str, str] = {"cursor": cursor} if cursor else {}
            page = self.people[who].get(path, **given, **params)
            found += page["items"]
            if (cursor := page["next_cursor"]) is None:
                return found

    def certificates(self, **params: Any) -> list[Json]:
        return self.read("/certificates", "linus", application="none", limit=20, **params)

    def present(self, ident: str) -> Json:
        """The certificate that is in use where the export names one."""
        (given,) = [one for one in self.export["certificates"] if one["id"] == ident]
        leaf = x509.load_pem_x509_certificate(given["certificate"].encode())
        (host,) = names_of(given["certificate"])
        (row,) = self.certificates(name=host, status="active")
        return {**row, "renewed": row["serial"] != f"{leaf.serial_number:x}"}

    def delivered(self, sync: str, certificate: Json) -> Json | None:
        """Its delivery, once it was read back."""
        rows = self.read("/deliveries", "linus", sync=sync, lineage=certificate["lineage_id"])
        there = [row for row in rows if row["delivered_certificate_id"] == certificate["id"]]
        return there[0] if there and there[0]["verified_at"] else None

    def on_host(self, certificate: Json) -> bool:
        """Whether a file in the folder of the hosts holds it."""
        files = (file for file in (self.folder / "hosts").rglob("*") if file.is_file())
        return any(certificate["pem"].strip() in file.read_text() for file in files)


@pytest.fixture(scope="module")
def older(live_stack: LiveStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Older]:
    folder = tmp_path_factory.mktemp("older")
    hosts = folder / "hosts"
    hosts.mkdir()
    connections = {
        "acme-cloud": live_stack.world.aws(),
        "acme-mail": live_stack.world.smtp(),
        "acme-slack": live_stack.world.workspace(),
    }
    export = project(str(hosts), connections)
    export["channels"][1]["config"]["channel"] = "#approvals"
    (web,) = [one for one in export["certificates"] if one["id"] == "web-00"]
    arn = live_stack.world.acm_client().import_certificate(
        Certificate=web["certificate"].encode(),
        PrivateKey=web["private_key"].encode(),
        CertificateChain=web["chain"].encode(),
    )["CertificateArn"]
    (balancer,) = [sync for sync in export["syncs"] if sync["slug"] == "balancer"]
    balancer["delivered"][0]["reference"] = arn
    older = Older(live_stack, export, folder, arn)
    older.loaded = older.load()
    older.people["admin"] = live_stack.admin
    for slug in (*APPROVERS, "linus", "pipeline"):
        live_stack.token(slug)
        older.people[slug] = live_stack.api(slug)
    yield older
    live_stack.world.acm_client().delete_certificate(CertificateArn=arn)


def test_everything_is_loaded_and_read_by_its_members(older: Older) -> None:
    assert older.loaded["loaded"]["certificates"] == 50
    of_export = {one["certificate"].strip() for one in older.export["certificates"]}
    assert of_export <= {row["pem"].strip() for row in older.certificates()}
    for path, count in (("/syncs", 4), ("/alerts", 3), ("/approval-policies", 2), ("/channels", 2)):
        assert len(older.read(path, "linus")) == count, path
    assert {row["principal"] for row in older.read("/members", "linus")} >= {"ada", "pipeline"}
    states = [row["status"] for row in older.certificates()]
    assert (states.count("revoked"), states.count("held")) == (1, 1)


def test_what_is_due_is_renewed_by_itself_then_delivered_and_reported(older: Older) -> None:
    for ident in DUE:
        until(lambda ident=ident: older.present(ident)["renewed"], f"the renewal of {ident}", PATIENCE)  # type: ignore[misc]
        row = older.present(ident)
        until(lambda row=row: older.delivered("hosts-internal", row), f"{ident} at its host", PATIENCE)  # type: ignore[misc]
        assert older.on_host(row), f"{ident} is not in the folder"
        until(
            lambda row=row: any(  # type: ignore[misc]
                row["common_name"] in mail.part("text/plain")
                for mail in older.live_stack.world.mail.mails
                if "ops@acme.example" in mail.recipients
            ),
            f"the mail about {ident}",
            PATIENCE,
        )
    assert not older.present("int-00")["renewed"], "it is not its time"


def test_an_approval_is_asked_and_the_object_that_was_there_is_updated(older: Older) -> None:
    before = older.present("web-00")
    request = older.people["pipeline"].post(f"/certificates/{before['id']}/renew")
    slack = older.live_stack.world.slack
    until(lambda: any("web-00" in str(posted) for posted in slack.messages), "the question", PATIENCE)
    for voter in APPROVERS:
        (asked,) = until(
            lambda voter=voter: [  # type: ignore[misc]
                row
                for row in older.read("/approval-requests", voter, status="open")
                if row["subject_id"] == request["id"]
            ],
            f"the question to {voter}",
            PATIENCE,
        )
        older.people[voter].post(f"/approval-requests/{asked['id']}/votes", {"decision": "approve"})
    until(lambda: older.present("web-00")["renewed"], "the approved renewal", PATIENCE)
    after = older.present("web-00")
    assert after["lineage_id"] == before["lineage_id"]
    until(lambda: older.delivered("balancer", after), "the load balancer's certificate", PATIENCE)
    there = older.live_stack.world.acm_client().get_certificate(CertificateArn=older.arn)["Certificate"]
    assert there.strip() == after["pem"].strip()


def test_a_sync_is_run_by_hand(older: Older) -> None:
    reported = older.people["ada"].post("/syncs/archive/trigger")
    assert reported["certificates"] == 1
    until(lambda: older.delivered("archive", older.present("ext-00")), "the archived certificate", PATIENCE)


def test_nothing_is_created_outside_of_applications(older: Older) -> None:
    for noun in ("syncs", "alerts", "channels", "approval-policies", "certificates"):
        for who in ("admin", "grace", "linus"):
            with pytest.raises(Refused, match=f"409 .*legacy-creation.*applications/{{application}}/{noun}"):
                older.people[who].post(f"/{noun}", {"slug": "new", "name": "New"})


def test_a_second_load_changes_nothing(older: Older) -> None:
    again = older.load()
    assert again["loaded"] == {}
    assert again["kept"]["certificates"] == 50


def test_everything_is_changed_and_deleted_by_a_product_admin(older: Older) -> None:
    admin = older.people["admin"]
    for noun in ("alerts", "syncs", "approval-policies", "channels"):
        for row in older.read(f"/{noun}"):
            assert admin.patch(f"/{noun}/{row['slug']}", {"name": "Changed"})["name"] == "Changed"
        for row in older.read(f"/{noun}"):
            admin.delete(f"/{noun}/{row['slug']}")
        assert older.read(f"/{noun}") == []
    for row in older.read("/members"):
        admin.delete(f"/members/{row['principal']}")
    with pytest.raises(Refused, match="404"):
        older.people["linus"].get("/syncs")

"""The compose file and the Dockerfile name only what exists, and fit each other."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import OperationalError
from tests.support.postgres import PROGRAMS, autocommitting, fresh_database

from certrail.plugins.registry import PluginRegistry
from certrail_server.cli import app
from certrail_server.settings import Settings, describe
from certrail_workflows.messages import CORE_QUEUE

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("certrail:")}
WORKERS = {name: service for name, service in OURS.items() if service["command"][0] == "worker"}


def instructions(stage: int) -> list[tuple[str, str]]:
    """The instructions of one stage of the Dockerfile, with continued lines joined."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    starts = [n for n, line in enumerate(lines) if line.startswith("FROM ")]
    begin, *rest = starts[stage:]
    words = [line.split(maxsplit=1) for line in lines[begin : rest[0] if rest else None]]
    return [(word, text) for word, text in words]


def parsed(words: list[str]) -> dict[str, Any]:
    """What the command line makes of a command. Fails on unknown commands and options."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        name, *words = words
        command = command.commands[name]
    params: dict[str, Any] = command.make_context(command.name, list(words)).params
    return params


def test_the_parts_are_there() -> None:
    assert OURS.keys() == {"migrate", "server", "worker", "worker-acm"}
    assert SERVICES.keys() - OURS.keys() == {"postgres", "temporal", "mail"}


@pytest.mark.parametrize("name", OURS)
def test_commands_are_certrail_commands(name: str) -> None:
    parsed(OURS[name]["command"])


def test_the_parser_tells_unknown_options() -> None:
    with pytest.raises(Exception, match="No such option"):
        parsed(["worker", "--nonsense", "x"])


def test_every_queue_is_served_once_and_exists() -> None:
    served = [queue for service in WORKERS.values() for queue in parsed(service["command"])["queue"]]
    assert sorted(served) == sorted({CORE_QUEUE, *PluginRegistry.discover().queues()})


def test_the_acm_worker_serves_acm_only() -> None:
    assert parsed(OURS["worker-acm"]["command"])["queue"] == ["plugin-destination-aws-acm"]


@pytest.mark.parametrize("name", OURS)
def test_variables_are_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = OURS[name]["environment"]
    assert environment.keys() <= {variable for variable, _, _ in describe()}
    for variable, value in environment.items():
        monkeypatch.setenv(variable, substituted(value))
    settings = Settings()
    assert settings.temporal().split(":")[0] in SERVICES
    assert settings.database().startswith("postgresql://certrail:secret@postgres:")
    assert str(settings.keyring_path().parent) in mounts(name)


def substituted(value: str) -> str:
    value = value.replace("${POSTGRES_PASSWORD:?set POSTGRES_PASSWORD}", "secret")
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def mounts(name: str) -> dict[str, str]:
    """Where volumes are mounted in a service, and how."""
    parts = [volume.split(":") for volume in SERVICES[name]["volumes"]]
    return {part[1]: part[2] if len(part) > 2 else "rw" for part in parts}


def test_only_the_migration_writes_the_keyring() -> None:
    modes = {name: mounts(name)["/var/lib/certrail/keys"] for name in OURS}
    assert modes == {"migrate": "rw", "server": "ro", "worker": "ro", "worker-acm": "ro"}


def test_nothing_is_published_beyond_this_machine() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_servers_ports_match() -> None:
    port = OURS["server"]["environment"]["CERTRAIL_PORT"]
    assert OURS["server"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f":{port}/readyz" in OURS["server"]["healthcheck"]["test"][-1]
    assert OURS["server"]["environment"]["CERTRAIL_HOST"] == "0.0.0.0"
    assert ("EXPOSE", port) in instructions(1)


def test_everything_that_stays_up_has_a_health_check() -> None:
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == {"migrate"}


def test_workers_tell_where_their_health_check_looks() -> None:
    for name, service in WORKERS.items():
        folder = service["environment"]["CERTRAIL_DATA_DIR"]
        assert service["healthcheck"]["test"] == ["CMD", "test", "-s", f"{folder}/worker.json"]
        assert any(place.startswith(f"{folder}:") for place in SERVICES[name]["tmpfs"]), (
            "state of a dead process"
        )


def test_what_is_waited_for_can_be_waited_for() -> None:
    for service in SERVICES.values():
        for name, wanted in service.get("depends_on", {}).items():
            healthy = wanted["condition"] == "service_healthy"
            assert ("healthcheck" in SERVICES[name]) == healthy


def test_named_volumes_and_secrets_are_declared() -> None:
    mounted = {v.split(":")[0] for service in SERVICES.values() for v in service.get("volumes", ())}
    volumes = {source for source in mounted if not source.startswith("./")}
    assert all((ROOT / source).is_file() for source in mounted - volumes)
    secrets = {s for service in SERVICES.values() for s in service.get("secrets", ())}
    assert volumes == COMPOSE["volumes"].keys()
    assert secrets == COMPOSE["secrets"].keys()


def test_no_password_is_written_down() -> None:
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|PWD|SECRET|DATABASE_URL", variable):
                required = re.search(r"\$\{(POSTGRES|TEMPORAL_DB)_PASSWORD:\?", value)
                assert required or value.startswith("/run/secrets/")


def test_containers_have_no_more_rights_than_they_need() -> None:
    for service in OURS.values():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    for name, service in SERVICES.items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name


def test_every_image_can_be_pinned_by_its_digest() -> None:
    for name, service in SERVICES.items():
        if name not in OURS:
            assert re.fullmatch(r"[\w/.-]+:[\w.-]+\$\{[A-Z]+_DIGEST:-\}", service["image"]), name
    dockerfile = (ROOT / "Dockerfile").read_text()
    default = re.search(r"^ARG BASE_IMAGE=(\S+)$", dockerfile, re.MULTILINE)
    assert default
    assert re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE) == ["${BASE_IMAGE}"] * 2
    for service in OURS.values():
        assert service["build"]["args"]["BASE_IMAGE"] == f"${{BASE_IMAGE:-{default[1]}}}"


def test_temporal_is_reached_by_servers_and_workers_only() -> None:
    def joined(network: str) -> set[str]:
        return {n for n, service in SERVICES.items() if network in service.get("networks", ["default"])}

    assert joined("temporal") == {"temporal", "server", *WORKERS}
    assert joined("database") == {"postgres", "temporal", *OURS}
    assert joined("default") == {"mail", "server", *WORKERS}
    assert all(COMPOSE["networks"][name]["internal"] for name in ("temporal", "database"))


def test_temporal_has_a_role_of_its_own() -> None:
    own, certrails = SERVICES["temporal"]["environment"], SERVICES["postgres"]["environment"]
    assert own["POSTGRES_USER"] == "temporal" != certrails["POSTGRES_USER"]
    assert own["POSTGRES_PWD"] == "${TEMPORAL_DB_PASSWORD:?set TEMPORAL_DB_PASSWORD}"


def test_its_role_reads_nothing_of_certrails(postgres: str, tmp_path: Path) -> None:
    """The script is run as the image runs it, on a server that has nothing else."""
    admin, certrail = make_url(postgres), make_url(fresh_database(postgres))
    (tmp_path / "password").write_text("t3mp0ral\n")
    environment = {
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "PGHOST": str(admin.host or admin.query["host"]),
        "PGPORT": str(admin.port or 5432),
        "PGPASSWORD": str(admin.password or ""),
        "POSTGRES_USER": str(admin.username),
        "POSTGRES_DB": str(certrail.database),
        "TEMPORAL_DB_PASSWORD_FILE": str(tmp_path / "password"),
    }
    script = ROOT / "deploy" / "postgres" / "temporal-role.sh"
    subprocess.run(["bash", str(script)], env=environment, check=True)
    own = admin.set(username="temporal", password="t3mp0ral", drivername="postgresql+psycopg")
    try:
        for name in ("temporal", "temporal_visibility"):
            with create_engine(own.set(database=name)).begin() as connection:
                connection.exec_driver_sql("create table executions (id int)")
        with pytest.raises(OperationalError, match="permission denied for database"):
            create_engine(own.set(database=certrail.database)).connect()
    finally:
        with autocommitting(postgres) as connection:
            for name in ("temporal", "temporal_visibility"):
                connection.exec_driver_sql(f"drop database if exists {name} with (force)")
            connection.exec_driver_sql("drop role if exists temporal")


def test_the_last_stage_holds_the_virtual_environment_only() -> None:
    copied = [text for word, text in instructions(1) if word in ("COPY", "ADD")]
    assert copied == ["--from=build /opt/certrail /opt/certrail"]


def test_the_container_is_not_root() -> None:
    user = dict(instructions(1))["USER"]
    assert user.isdigit()
    assert int(user) > 0
    assert f"--uid {user}" in dict(instructions(1))["RUN"]
    for service in OURS.values():
        assert f"uid={user}" in service["tmpfs"][-1]


def test_the_entry_point_takes_commands() -> None:
    final = dict(instructions(1))
    assert json.loads(final["ENTRYPOINT"]) == ["certrail"]
    parsed(json.loads(final["CMD"]))


def test_folders_that_volumes_cover_belong_to_the_user() -> None:
    made = dict(instructions(1))["RUN"]
    for name in OURS:
        assert all(folder in made for folder in mounts(name))


def test_the_build_copies_what_exists() -> None:
    for word, text in instructions(0):
        if word == "COPY":
            *sources, _ = text.split()
            assert all((ROOT / source).exists() for source in sources)
    wheels = (ROOT / "pyproject.toml").read_text()
    copied = {s for word, text in instructions(0) if word == "COPY" for s in text.split()[:-1]}
    assert set(re.findall(r'"(engine|workflows|server)/', wheels)) <= copied


def test_the_image_dumps_the_server_that_the_file_starts() -> None:
    """`pg_dump` refuses a server that is newer than itself."""
    version = SERVICES["postgres"]["image"].removeprefix("postgres:").partition("-")[0]
    installed = [text for word, text in instructions(1) if word == "RUN" and "apt-get" in text]
    assert any(f"postgresql-client-{version} " in text for text in installed)

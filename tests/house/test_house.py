"""The shape of the house: imports go down, modules stay small, every route names a permission."""

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import get_type_hints

from fastapi.routing import APIRoute

from certrail.services.facade import Services
from certrail_server.api.app import API, SCOPED
from certrail_server.api.guard import Guard
from certrail_server.console.site import PAGES

ROOT = Path(__file__).parents[2]


def test_imports_go_down() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_module_is_longer_than_400_lines() -> None:
    """Tests, tools and examples are read as much as the rest."""
    folders = [folder for folder in ROOT.iterdir() if folder.is_dir() and not folder.name.startswith(".")]
    sources = [path for folder in folders for path in folder.rglob("*.py")]
    assert len(sources) > 400
    long = {str(p.relative_to(ROOT)): n for p in sources if (n := len(p.read_text().splitlines())) > 400}
    assert not long


def test_no_wait_loses_a_cancellation() -> None:
    """`asyncio.wait_for` does, up to Python 3.11, where both come together; `asyncio.timeout` does not."""
    rooms = ("agent", "client", "engine", "plugins", "sdk", "server", "workflows")
    sources = [path for room in rooms for path in (ROOT / room).rglob("*.py") if "tests" not in path.parts]
    assert len(sources) > 400
    assert not [str(path) for path in sources if "asyncio.wait_for(" in path.read_text()]


def test_no_import_contract_has_an_exception() -> None:
    """An arrow that breaks a wall is turned, not ignored; and every room of the services is in the order."""
    config = ConfigParser()
    config.read(ROOT / ".importlinter")
    assert not [name for name in config.sections() if "ignore_imports" in config[name]]
    rooms = set(re.findall(r"\w+", config["importlinter:contract:rooms"]["layers"]))
    services = ROOT / "engine" / "certrail" / "services"
    assert rooms == {
        p.stem for p in services.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()
    } - {"__init__"}


def test_no_folder_holds_more_than_20_modules() -> None:
    """A longer list is not read: it is divided by subject."""
    folders = [
        path
        for root in ("engine", "server", "workflows")
        for path in (ROOT / root).rglob("*")
        if path.is_dir()
    ]
    counts = {path.relative_to(ROOT).as_posix(): len(list(path.glob("*.py"))) for path in folders}
    assert sum(counts.values()) > 200
    assert not {folder: count for folder, count in counts.items() if count > 20}


def test_a_member_of_the_facade_has_the_name_of_its_class() -> None:
    """Who reads `services.audit_log` finds `AuditLog`."""
    classes = {name: kind for name, kind in get_type_hints(Services).items() if isinstance(kind, type)}
    assert len(classes) > 30
    del classes["context"]
    named = {name: re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower() for name, kind in classes.items()}
    assert named == {name: name for name in classes}


def test_rows_are_locked_in_one_way() -> None:
    """A lock without a fresh read would decide by what was read before."""
    users = [p for p in (ROOT / "engine").rglob("*.py") if "with_for_update(" in p.read_text()]
    assert [p.name for p in users] == ["database.py"]


def test_every_route_names_its_permission() -> None:
    routes = [route for router in (*API, *SCOPED, *PAGES) for route in router.routes]
    assert len(routes) > 100
    for route in routes:
        assert isinstance(route, APIRoute)
        guards = [d.call for d in route.dependant.dependencies if isinstance(d.call, Guard)]
        assert len(guards) == 1, f"{route} is not guarded by exactly one permission"

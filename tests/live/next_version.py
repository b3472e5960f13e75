"""A copy of the tree as its next release: another version, an expanded schema and a flow with one step more."""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("engine/certrail", "workflows/certrail_workflows", "server/certrail_server")
VERSION = "99.0.0"
PATCH = "one-step-more"
STEP_SECONDS = 15

REVISION = '''"""A column that processes of the version before do not know."""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.migrations.support import supports

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("certificate_request", sa.Column("made_by_version", sa.String(length=32), nullable=True))
    supports("0001")
'''


def next_version(folder: Path) -> dict[str, str]:
    """Make the copy; returns the environment in which `python -m certrail_server` is it."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    metadata = folder / "engine" / f"certrail-{VERSION}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: certrail\nVersion: {VERSION}\n")
    versions = folder / "engine/certrail/persistence/migrations/versions"
    (versions / "v0002_made_by_version.py").write_text(REVISION)
    _edit(
        folder / "engine/certrail/persistence/tables/issuance.py",
        "    renewal_round: int | None = None\n",
        f'    renewal_round: int | None = None\n    made_by_version: str | None = "{VERSION}"\n',
    )
    _edit(
        folder / "workflows/certrail_workflows/flows/issuance.py",
        "        while True:\n            self._changed = False\n",
        f'        if workflow.patched("{PATCH}"):\n            await workflow.sleep({STEP_SECONDS})\n'
        "        while True:\n            self._changed = False\n",
    )
    paths = [str(folder / package.partition("/")[0]) for package in PACKAGES]
    return {"PYTHONPATH": os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")])}


def _edit(file: Path, text: str, instead: str) -> None:
    source = file.read_text()
    assert source.count(text) == 1, f"{file} has changed: {text!r}"
    file.write_text(source.replace(text, instead))

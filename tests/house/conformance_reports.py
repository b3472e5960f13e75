"""The conformance reports of the bundled plugins: ``python -m tests.house.conformance_reports`` writes them.

`certrail plugins` shows the step of the ladder from there. Give names of plugins to run and write only theirs.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from certrail.plugins.conformance import REPORT

ROOT = Path(__file__).parents[2]


def reported(root: Path = ROOT) -> Iterator[tuple[Path, str]]:
    """The file of each report that the bundled plugins are to ship, and the key of the plugin."""
    for project in sorted(root.glob("plugins/*/*/pyproject.toml")):
        folder = project.parent
        if any("Conformance" in test.read_text() for test in folder.glob("tests/test_*.py")):
            (package,) = (path.parent for path in folder.glob("certrail_*/__init__.py"))
            yield package / REPORT, f"{folder.parent.name.removesuffix('s')}-{folder.name}"


def run(folder: Path, key: str) -> str:
    """The report of one plugin's own tests."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / REPORT
        tests = [str(test) for test in folder.glob("tests/test_*.py") if "Conformance" in test.read_text()]
        command = [sys.executable, "-m", "pytest", "-q", "-k", "Test", f"--certrail-report={path}", *tests]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        found = json.loads(path.read_text())
    reports = found if isinstance(found, list) else [found]
    (own,) = (one for one in reports if one["plugin"] == key)
    return json.dumps(own, indent=1) + "\n"


if __name__ == "__main__":
    for report, key in reported():
        if not sys.argv[1:] or key.partition("-")[2] in sys.argv[1:]:
            text = run(report.parent.parent, key)
            report.write_text(text)
            sys.stdout.write(f"{key}: {json.loads(text)['level'] or 'below bronze'}\n")

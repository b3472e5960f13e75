"""Prints the export of a made-up project of the older model: ``python -m examples.older_project > export.json``.

Its keys are new each time, so nothing that was ever published signs anything. The format is that of
``certrail migration schema``.
"""

import json
import sys
from pathlib import Path

from examples.older_project.project import project


def main() -> int:
    """Write the export to standard output."""
    sys.stdout.write(json.dumps(project(folder=str(Path("delivered").absolute())), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

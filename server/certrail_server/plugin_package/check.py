"""What keeps the package of a plugin from being good: its metadata, its classes, its names, and the conformance kit."""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from certrail.plugins.bundled import BUNDLED
from certrail.plugins.conformance import REPORT
from certrail.plugins.installed import normalized, owned_name
from certrail_sdk import PROJECT

LOAD_SECONDS, KIT_SECONDS = 60, 900
SDK = "certrail-sdk"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        state: ``ok``, ``broken``, or ``missing``, which only keeps it from a higher step of the ladder.
        advice: what to do; empty if it is fine.
    """

    state: str
    what: str
    advice: str = ""


@dataclass(frozen=True)
class Checked:
    """Everything that was found, and the step of the ladder: empty below bronze."""

    findings: Sequence[Finding]
    level: str = ""

    @property
    def is_good(self) -> bool:
        """Whether nothing is broken, and the kit finds it at bronze at least."""
        return bool(self.level) and all(each.state != "broken" for each in self.findings)


def check(folder: Path) -> Checked:
    """Look at the package in a folder; its code runs in processes of its own."""
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
        metadata = project["project"]
        points: Mapping[str, str] = metadata["entry-points"][PROJECT]
        name = str(metadata["name"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        return Checked([_unusable(problem)])
    findings = list(_packaging(folder, metadata, points))
    plugins, faults = _loaded(folder, points, name, str(metadata.get("version", "0")))
    findings += [*faults, *_names(name, plugins)]
    if faults:
        return Checked(findings)
    kit, level = _kit(folder)
    return Checked([*findings, *kit], level)


def _unusable(problem: Exception) -> Finding:
    missing = f"pyproject.toml with [project] and [project.entry-points.{PROJECT}]"
    return Finding(
        "broken",
        f"there is no {missing} ({type(problem).__name__}: {problem})",
        "Begin with `certrail plugin new`, which writes both.",
    )


def _packaging(folder: Path, metadata: Mapping[str, Any], points: Mapping[str, str]) -> Iterator[Finding]:
    needed = [re.split(r"[\s\[<>=!~;]", each, maxsplit=1)[0] for each in metadata.get("dependencies", ())]
    if SDK not in {normalized(each) for each in needed}:
        yield Finding(
            "broken", f"the package does not depend on {SDK}", f"Add '{SDK}>=0.1,<1' to dependencies."
        )
    if "certrail" in {normalized(each) for each in needed}:
        yield Finding("broken", "the package depends on certrail itself", f"Depend on {SDK} only.")
    if "requires-python" not in metadata:
        yield Finding("broken", "requires-python is missing", 'Write requires-python = ">=3.11".')
    if "readme" not in metadata:
        yield Finding(
            "missing", "there is no readme", "Say what rights the credentials need, and what is written."
        )
    for module in {value.partition(":")[0].partition(".")[0] for value in points.values()}:
        if (folder / module).is_dir() and not (folder / module / "py.typed").exists():
            yield Finding("missing", f"{module} has no py.typed", "Add the empty file: the package is typed.")
    yield Finding("ok", f"packaging: {metadata['name']}")


def _loaded(
    folder: Path, points: Mapping[str, str], name: str, version: str
) -> tuple[Sequence[Mapping[str, Any]], Sequence[Finding]]:
    """The plugins of all entry points as the registry describes them, and what keeps it from loading them."""
    command = [sys.executable, "-m", "certrail_server.plugin_package.load", name, version, *points.values()]
    try:
        done = _run(command, folder, LOAD_SECONDS)
    except subprocess.TimeoutExpired:
        slow = f"the import takes more than {LOAD_SECONDS} s"
        return [], [Finding("broken", slow, "Do no work at import; a hook returns classes.")]
    if done.returncode:
        reason = (done.stderr.strip() or done.stdout.strip() or "the process ended").splitlines()[-1]
        return [], [Finding("broken", f"it cannot be loaded: {reason}", "Change what the reason names.")]
    return json.loads(done.stdout), []


def _names(distribution: str, plugins: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    for plugin in plugins:
        key = f"{plugin['kind']}-{plugin['name']}"
        if key in BUNDLED and owned_name(distribution) != key:
            yield Finding("broken", f"{key} is the name of a bundled plugin", "Give the class another name.")
        elif owned_name(distribution) != key and len(plugins) == 1:
            advice = f"Call it certrail-{key}: the name then belongs to it, whatever else is installed."
            yield Finding("missing", f"the distribution is not named after {key}", advice)
        yield Finding("ok", f"loaded: {key}, {', '.join(plugin['capabilities']) or 'no optional verb'}")
    if not plugins:
        yield Finding(
            "broken", "no hook returns a class", "Decorate a function with @hookimpl; see the contract."
        )


def _kit(folder: Path) -> tuple[Sequence[Finding], str]:
    """Run the tests of the package, and read the kit's report."""
    with tempfile.TemporaryDirectory(prefix="certrail-check-") as scratch:
        report = Path(scratch) / REPORT
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--certrail-report={report}",
        ]
        try:
            done = _run(command, folder, KIT_SECONDS)
        except subprocess.TimeoutExpired:
            slow = f"the tests take more than {KIT_SECONDS} s"
            return [Finding("broken", slow, "Look for a verb that never ends.")], ""
        if not report.exists():
            said = (done.stdout + done.stderr).strip().splitlines()
            advice = "Subclass a conformance class in tests/, and install the extra `testing`."
            return [
                Finding("broken", f"the kit did not run: {said[-1] if said else 'no output'}", advice)
            ], ""
        found = json.loads(report.read_text())
    reports = found if isinstance(found, list) else [found]
    findings = [finding for one in reports for finding in _rules(one)]
    if done.returncode and not any(each.state == "broken" for each in findings):
        findings.append(Finding("broken", "a test of the package's own fails", "Run pytest in its folder."))
    lowest = min(
        (str(one["level"]) for one in reports), key=("", "bronze", "silver", "gold", "platinum").index
    )
    return findings, lowest


def _rules(report: Mapping[str, Any]) -> Iterator[Finding]:
    states = {"broken": "broken", "not checked": "missing"}
    kept = 0
    for rule in report["rules"]:
        kept += rule["state"] == "kept"
        if rule["state"] in states:
            detail = f" ({rule['detail']})" if rule["detail"] else ""
            what = f"{rule['id']} {rule['state']}: {rule['title']}{detail}"
            yield Finding(states[rule["state"]], what, rule["advice"])
    yield Finding("ok", f"{report['plugin']}: {kept} of {len(report['rules'])} rules are kept")


def _run(command: Sequence[str], folder: Path, seconds: int) -> "subprocess.CompletedProcess[str]":
    """Run a command in a package's folder, with the package first on the path. Raises subprocess.TimeoutExpired."""
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )

"""The conformance kit's pytest plugin: rules that explain themselves, a report, and a fixture that collects every log.

A module of its own: every pytest run of an environment imports it, and the kit itself takes a while to import.
"""

import logging
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from certrail_sdk.testing.canary import LogWatch

for _module in (
    "plugin",
    "watch",
    "destination",
    "ownership",
    "content",
    "notifier",
    "callbacks",
    "deliveries",
):
    pytest.register_assert_rewrite(f"certrail_sdk.testing.{_module}")

REPORTS = pytest.StashKey[dict[str, Any]]()
"""By kind and class of the plugin: a `certrail_sdk.testing.report.Report`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--certrail-report``."""
    parser.getgroup("certrail").addoption(
        "--certrail-report",
        metavar="FILE",
        help="Write what the rules of the conformance kit found, and the step of the ladder, as JSON.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin without reports."""
    config.stash[REPORTS] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say below a broken rule what to do, and count the outcome."""
    outcome = yield
    kind = getattr(getattr(item, "cls", None), "kind", None)
    if not isinstance(kind, str) or not hasattr(item.cls, "test_says_what_it_is"):  # type: ignore[attr-defined]
        return outcome
    from certrail_sdk.testing.rules import BY_KIND  # noqa: PLC0415

    name = getattr(item, "originalname", item.name)
    rule = BY_KIND.get(kind, {}).get(name)
    if rule is None:
        return outcome
    if outcome.failed:
        outcome.sections.append(
            (f"certrail {rule.id}", f"{rule.title}\nWhat to do: {rule.advice}\nSee {rule.page}")
        )
    if outcome.when == "call" or not outcome.passed:
        _count(item, kind, name, outcome)
    return outcome


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report, if there is one and it was wanted."""
    path, reports = session.config.getoption("--certrail-report"), session.config.stash[REPORTS]
    if path and reports:
        from certrail_sdk.testing.report import write  # noqa: PLC0415

        write(reports.values(), Path(path))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """One line for each plugin that all rules of its kind were run for."""
    for report in config.stash[REPORTS].values():
        if any(result.state == "not checked" and not result.detail for result in report.rules.values()):
            continue  # some rules were not run at all, so that there is no level
        kept = sum(result.state == "kept" for result in report.rules.values())
        level = report.level or "below bronze"
        terminalreporter.write_line(
            f"certrail: {report.plugin} is {level}, {kept} of {len(report.rules)} rules kept"
        )


def _count(item: pytest.Item, kind: str, name: str, outcome: pytest.TestReport) -> None:
    from certrail_sdk.testing.report import Report  # noqa: PLC0415

    plugin = _plugin_of(item)
    if plugin is None:
        return
    reports = item.config.stash[REPORTS]
    key = f"{kind} {plugin.__module__} {plugin.name}"
    if key not in reports:
        reports[key] = Report.begun(plugin, kind)
    reports[key].add(name, outcome.outcome, _reason(outcome))


def _plugin_of(item: Any) -> Any:
    """The class of the plugin: of the object that the fixture ``build`` made, or of ``broken``."""
    from certrail_sdk import Plugin  # noqa: PLC0415

    known = item.cls.__dict__.get("_certrail_plugin")
    if known is not None:
        return known
    for fixture in ("build", "broken", "unreachable", "busy"):
        value = item.funcargs.get(fixture)
        made = value() if callable(value) and not isinstance(value, Plugin) else value
        if isinstance(made, Plugin):
            item.cls._certrail_plugin = type(made)
            return type(made)
    return None


def _reason(outcome: pytest.TestReport) -> str:
    if outcome.skipped and isinstance(outcome.longrepr, tuple):
        return str(outcome.longrepr[2]).removeprefix("Skipped: ")
    return str(outcome.longrepr).strip().splitlines()[-1][:300] if outcome.failed else ""


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> "Iterator[LogWatch]":
    """All that any logger says during the test, at DEBUG, even those that were silenced before."""
    from certrail_sdk.testing.canary import LogWatch, every_logger_open  # noqa: PLC0415

    caplog.set_level(logging.DEBUG)
    with every_logger_open():
        yield LogWatch(caplog)

"""Writes the page of the conformance kit's rules from its catalogue."""

from collections.abc import Iterator

from certrail_sdk.testing.report import FILE, FORMAT
from certrail_sdk.testing.rules import DESTINATION, NOTIFIER, PLUGIN, QUESTION, Level, Rule

GROUPS = {
    "Every plugin": PLUGIN,
    "Destinations": DESTINATION,
    "Notifiers": NOTIFIER,
    "Notifiers that post approvals": QUESTION,
}
INTRODUCTION = f"""A test of the conformance class that you subclass checks each of these rules. A
broken rule prints its id, what to do and where it is explained here. Run `certrail plugin check PATH`, or
pytest with a report:

```console
pytest --certrail-report {FILE}
```

## The ladder

| step | what it wants |
|---|---|
| bronze | it works, says what it is, and keeps secrets |
| silver | it survives lost answers, cancelled calls and objects of others |
| gold | all that it stores was read past it; the other side was busy and away; callbacks were genuine |
| platinum | nothing is left unchecked: other targets, writes that were cancelled, late callbacks |

Each step has the rules of those before it. A rule whose fixture the conformance class does not provide is
*not checked*, and its step is missed. A rule that does not apply, such as that of a verb which the plugin
does not have, is no obstacle, except where it says *required*. `without = {{"busy": "a folder demands no
pauses"}}` in the conformance class says that a fixture makes no sense, and why.

## The report

`--certrail-report` writes a JSON document: `format` ({FORMAT}), `plugin`, `distribution`, `version`, `sdk`,
`kind`, `level`, and in `rules` for each rule `id`, `level`, `title`, `state` (`kept`, `broken`, `not
checked`, `does not apply`), `advice` and `detail`. Ship it as `{FILE}` in the package of your plugin:
`certrail plugins` then shows the level, as long as the version is the same."""


def rules_page() -> Iterator[str]:
    """All rules, by what they are about."""
    yield INTRODUCTION
    for group, rules in GROUPS.items():
        yield f"## {group}"
        for name, rule in rules.items():
            yield _rule(name, rule)
    yield f"Steps of the ladder, in their order: {', '.join(Level)}."


def _rule(name: str, rule: Rule) -> str:
    facts = [str(rule.level), *([f"needs the fixture `{rule.fixture}`"] if rule.fixture else [])]
    facts += ["required"] if rule.required else []
    return f"### {rule.id}\n\n{rule.title} *{', '.join(facts)}* (`{name}`)\n\n{rule.advice}"

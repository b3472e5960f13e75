"""Faults planted in real plugins: each is a change of their source, and the kit has to notice it."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

NOTICED: Mapping[str, frozenset[str]] = {
    "http-put": frozenset(
        {
            "test_check_changes_nothing",
            "test_delivers_everything",
            "test_gives_a_new_identity",
            "test_is_not_misled_by_another_target",
            "test_keeps_its_mark",
            "test_keeps_nothing_between_calls",
            "test_leaves_foreign_objects_alone",
            "test_lives_without_the_key",
            "test_makes_no_second_object",
            "test_puts_back_what_was_removed",
            "test_replaces_in_one_step",
            "test_returns_to_an_earlier_certificate",
            "test_settles_its_writes",
            "test_unreachable_is_tried_again",
            "test_waits_for_nothing_itself",
        }
    ),
    "slack": frozenset(
        {
            "test_acknowledges_what_became_of_it",
            "test_messages_are_distinct",
            "test_reads_an_answer",
            "test_refuses_altered_callbacks",
            "test_refuses_old_callbacks",
            "test_replays_are_recognised",
            "test_vouches_for_addresses",
        }
    ),
}
"""Rules that no class in ``faulty_*.py`` breaks, and at least one mutant does."""
FOLDER = Path(__file__).parent / "mutants"


@dataclass(frozen=True)
class Mutant:
    """One fault.

    Attributes:
        fault: what is wrong with the plugin.
        file: of its package.
        old, new: the source text that is replaced, once, and its replacement.
        imports: lines that go before the imports of the file.
    """

    fault: str
    file: str
    old: str
    new: str
    imports: str = ""


def mutants_of(plugin: str) -> Sequence[Mutant]:
    """All faults that are planted in a plugin."""
    rows = tomllib.loads((FOLDER / f"{plugin}.toml").read_text())["mutant"]
    return [Mutant(**row) for row in rows]

"""Words that are not used here, what is used instead (docs/glossary.md), and where each is looked for."""

import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = (
    "engine",
    "workflows",
    "server",
    "client",
    "agent",
    "sdk",
    "plugins",
    "fakes",
    "tests",
    "examples",
    "bench",
    "docs",
)
SEGMENT = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

NAMES: Mapping[str, str] = {
    "former_place": "PreviousTarget",
    "place_id": "previous_target_id",
    "points_at": "target_of",
    "wish": "desired",
    "wishes": "desired_state, generation",
    "wish_everywhere": "fan_out_to_syncs",
    "fulfilled": "observed_generation",
    "leaving": "retirement_planner, deletion_requested",
    "seat": "quorum",
    "seats": "quorum",
    "recheck": "reevaluate",
    "question_copy": "ApprovalMessage",
    "question_token": "ActionToken",
    "standing": "renewal_preapproval; what is present",
    "judge": "evaluate_policy",
    "judged": "PolicySnapshot",
    "kernel": "ServiceContext",
    "reseal": "reencrypt",
    "shared_watch": "ExpiryWatch",
    "told": "notified, reported",
    "told_seconds": "last_warning_threshold",
    "past_all": "AFTER_LAST_ID",
    "look_at": "next_scan_at",
    "trouble": "incident, failure",
    "troubles": "INCIDENT_STAGES",
    "end_of_trouble": "resolve",
    "manners": "delivery_preferences",
    "refuse_inside": "require_global_scope",
    "refuse_others": "require_product_admin",
    "recall": "cached",
    "remembering": "session_cache",
    "keep_listed": "import_revoked",
    "count_on": "continue_crl_number",
    "deleted_certificate": "RevocationTombstone",
    "certificate_term": "CertificateSearchTerm",
    "bytewise": "BinaryCollatedString",
    "record_head": "AuditChainHead",
    "knock": "RefusalCounter",
    "knocks": "RefusalCounter",
    "carried": "selected, run_with_heartbeat",
    "carries": "selects",
    "heard": "seen",
    "plugin_order": "PluginTaskInput",
    "issuance_order": "IssuanceInput",
    "abandoned": "TimedOut",
    "give_up": "RECORD_TIMEOUT",
    "moment": "time; the column's name",
    "moments": "times",
    "standin": "fake",
    "standins": "fakes",
    "desk": "slack_world",
    "shelf": "store; acm_world",
    "door": "api_client",
}
"""Words of identifiers, in lower case joined by ``_``, and what is used instead."""

TEXTS: Mapping[str, str] = {
    r"wish(es|ed)?": "desired state",
    r"fulfilled": "delivered",
    r"leaving|what is to leave|what leaves|has left": "removed at, retirement",
    r"points? (at|elsewhere)|pointed elsewhere|former place": "target, retarget, previous target",
    r"moments?": "time",
    r"carr(y|ies|ied)": "select, deliver",
    r"stands?(?! for\b)|standing": "is present; renewal preapproval",
    r"told|tell(s|ing)? (of|people|the|them|whoever)": "notified, reported",
    r"hears? of": "is notified",
    r"asked": "requested, prompted",
    r"troubles?": "incident, failure",
    r"is over|was over": "resolved, ended",
    r"seats?|recheck(ed)?": "quorum, reevaluated",
    r"judged?": "evaluate",
    r"reseal(ed)?": "re-encrypt",
    r"manners": "delivery preferences",
    r"knocks?": "authentication failures",
    r"no more": "a verb, such as deactivate or detach",
    r"votes that wait": "pending approvals",
    r"make one of": "create",
    r"stand-?ins?": "fake",
    r"(the|its) present state": "Conflict",
}
"""Words that a person reads, as regular expressions, and what is used instead."""

OWN: Mapping[tuple[str, str], str] = {
    (
        "deleted_certificate",
        "plugins/destinations/azure-key-vault",
    ): "Azure's own name for what was soft-deleted",
}
"""Words that belong to the field where they stand: (word, folder or file) and the reason."""

PENDING: Mapping[str, frozenset[str]] = {}
"""Folders whose words are still to be replaced: nothing is added here, and a reworded folder leaves."""

PENDING_HELP: frozenset[str] = frozenset()
"""The same for help texts of commands."""

PENDING_API: frozenset[str] = frozenset()
"""The same for the OpenAPI document."""

PENDING_PAGES: frozenset[str] = frozenset()
"""The same for pages."""


@dataclass(frozen=True)
class Found:
    """One use of an old word."""

    where: str
    text: str
    instead: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text!r}, use: {self.instead}"


def words_of(identifier: str) -> tuple[str, ...]:
    """``delivery_IDs2`` and ``DeliveryIds`` in lower-case words."""
    return tuple(each.lower() for each in SEGMENT.findall(identifier))


@cache
def old_names(identifier: str) -> tuple[str, ...]:
    """The old words in an identifier; most identifiers occur many times."""
    words = words_of(identifier)
    joined = f"_{'_'.join(words)}_"
    return tuple(name for name in NAMES if f"_{name}_" in joined)


def old_texts(text: str) -> Iterator[tuple[str, str]]:
    """The old words in a text that a person reads, with what is used instead."""
    for pattern, instead in TEXTS.items():
        for found in re.finditer(rf"\b({pattern})\b", text, re.IGNORECASE):
            yield found[0], instead


def identifiers(source: str) -> Iterator[tuple[int, str]]:
    """Every name in a Python source with its line; texts and comments are none."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            yield token.start[0], token.string


def in_sources() -> Iterator[Found]:
    """Old words in identifiers of all Python files, migrations included."""
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield from in_source(path.relative_to(ROOT).as_posix(), path.read_text())


def in_source(path: str, source: str) -> Iterator[Found]:
    """Old words in identifiers of one file."""
    if path.startswith("tests/house/"):
        return
    for line, name in identifiers(source):
        for word in old_names(name):
            if not _is_allowed(word, path):
                yield Found(f"{path}:{line}", name, NAMES[word])


def _is_allowed(word: str, path: str) -> bool:
    if any(word == own and path.startswith(folder) for own, folder in OWN):
        return True
    return any(path.startswith(folder) and word in words for folder, words in PENDING.items())

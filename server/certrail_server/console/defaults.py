"""What a request asks for that its profile would not give by itself."""

from collections.abc import Mapping
from typing import Any

from certrail.domain.approval import authority_words, lifetime_words, unambiguous, unambiguous_list
from certrail.domain.content import RequestContent


def differences(
    content: Mapping[str, Any], defaults: Mapping[str, Any], ttl_seconds: int
) -> Mapping[str, str]:
    """By the label of a fact (`domain.approval`): what the profile would have given instead.

    Args:
        content: of the request, as it is stored.
        defaults: of its profile, with its TTL in seconds.
    """
    asked = RequestContent.model_validate(dict(content))
    # With the names that were asked for: content without any is none.
    subject = {**defaults.get("subject", {}), "common_name": asked.subject.common_name}
    named = {"ttl_seconds": ttl_seconds, **defaults, "subject": subject, "sans": asked.sans.model_dump()}
    given = RequestContent.model_validate(named)
    found = {}
    if asked.ttl_seconds != given.ttl_seconds:
        found["Lifetime"] = lifetime_words(given.ttl_seconds)
    if asked.key_algorithm != given.key_algorithm:
        found["Key"] = str(given.key_algorithm)
    if asked.key_usages != given.key_usages:
        found["Key usages"] = unambiguous_list(given.key_usages)
    if asked.extended_key_usages != given.extended_key_usages:
        found["Extended key usages"] = unambiguous_list(given.extended_key_usages)
    if asked.signature_algorithm != given.signature_algorithm:
        found["Signature"] = str(given.signature_algorithm or "chosen by the authority's key")
    if asked.basic_constraints != given.basic_constraints:
        wanted = given.basic_constraints
        found["Certificate"] = authority_words(wanted.ca, wanted.path_length)
    for name, label in (
        ("organization", "Organization"),
        ("organizational_unit", "Organizational unit"),
        ("country", "Country"),
        ("state", "State"),
        ("locality", "Locality"),
    ):
        value, default = getattr(asked.subject, name), getattr(given.subject, name)
        if value != default:
            found[label] = unambiguous(default) if default else "none"
    return found

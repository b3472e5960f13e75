"""The names that objects get at a destination, made from a schema such as ``web-{{short_certificate_id}}``."""

import re
from dataclasses import dataclass

from certrail.domain.errors import BadInput

PLACEHOLDERS = (
    "certificate_id",
    "short_certificate_id",
    "lineage_id",
    "common_name",
    "profile",
    "application",
)
UNIQUE = frozenset({"certificate_id", "short_certificate_id", "lineage_id"})
"""Placeholders of which one is needed, so that no two certificates get the same name."""

_PLACEHOLDER = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHORT_LENGTH = 22


@dataclass(frozen=True)
class ObjectNameSchema:
    """A schema whose placeholders are all known."""

    text: str

    @classmethod
    def parse(cls, text: str) -> "ObjectNameSchema":
        """Read a schema. Raises BadInput naming an unknown placeholder."""
        if unknown := sorted(set(_PLACEHOLDER.findall(text)) - set(PLACEHOLDERS)):
            known = ", ".join(PLACEHOLDERS)
            raise BadInput(f"Unknown placeholders: {', '.join(unknown)}. Known: {known}.", "name_schema")
        return cls(text)

    def problem(self, *, pattern: str, length: int) -> str | None:
        """Why names made by this schema would not fit a destination, or nothing."""
        if not UNIQUE & set(_PLACEHOLDER.findall(self.text)):
            return f"The name schema needs one of {', '.join(sorted(UNIQUE))}, or names would clash."
        sample = self.render(
            certificate_id="0" * 32,
            lineage_id="0" * 32,
            common_name="a",
            profile="a",
            application="a",
            pattern=pattern,
        )
        if len(sample) > length:
            return f"Names would have {len(sample)} characters or more; the destination takes {length}."
        if re.fullmatch(pattern, sample) is None:
            return f"Names such as {sample!r} do not fit the destination's rule {pattern}."
        return None

    def render(
        self,
        *,
        certificate_id: str,
        lineage_id: str,
        common_name: str,
        profile: str,
        application: str,
        pattern: str,
    ) -> str:
        """The name of one object. Characters that the destination does not take become ``-``."""
        values = {
            "certificate_id": certificate_id,
            "short_certificate_id": short_id(certificate_id),
            "lineage_id": lineage_id,
            "common_name": common_name,
            "profile": profile,
            "application": application,
        }
        return _PLACEHOLDER.sub(lambda match: _fitted(values[match[1]], pattern), self.text)


def short_id(certificate_id: str) -> str:
    """A certificate id, 32 hex digits, as 22 base-62 digits."""
    number = int(certificate_id, 16)
    digits = ""
    while number:
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits.rjust(_SHORT_LENGTH, "0")


def _fitted(value: str, pattern: str) -> str:
    return "".join(c if re.fullmatch(pattern, f"a{c}a") else "-" for c in value)

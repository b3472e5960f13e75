"""The names of objects at a destination, made from a schema such as ``web-{{short_certificate_id}}``."""

import re
from dataclasses import dataclass
from functools import cached_property

from certrail.domain.errors import BadInput

IDS = ("certificate_id", "short_certificate_id", "lineage_id")
"""Placeholders with one of which no two lineages get the same name."""
TEXTS = ("common_name", "profile", "application")
"""Placeholders whose values are fitted to what the destination takes."""
WILDCARD = "wildcard"
"""In the place of the first label of a wildcard name (RFC 6125, 6.4.3)."""

_PLACEHOLDER = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHORT_LENGTH = 22
# Hex digits of both kinds, and a short form with capital and small letters.
_SAMPLE_ID = "0123456789abcdef" * 2


@dataclass(frozen=True)
class ObjectNameSchema:
    """A schema whose placeholders are all known."""

    text: str

    @classmethod
    def parse(cls, text: str) -> "ObjectNameSchema":
        """Read a schema. Raises BadInput naming an unknown placeholder or a stray brace."""
        known = ", ".join((*IDS, *TEXTS))
        if unknown := sorted({*_PLACEHOLDER.findall(text)} - {*IDS, *TEXTS}):
            raise BadInput(f"Unknown placeholders: {', '.join(unknown)}. Known: {known}.", "name_schema")
        if re.search(r"[{}]", _PLACEHOLDER.sub("", text)):
            raise BadInput(f"Write a placeholder as {{{{name}}}}, name being one of {known}.", "name_schema")
        return cls(text)

    @property
    def is_stable(self) -> bool:
        """Whether a re-issue has the name of what it replaces: by the certificate's names, and by no id."""
        return not set(IDS) & self._placeholders

    def problem(self, *, pattern: str, length: int) -> str | None:
        """Why names made by this schema would not fit a destination, or nothing."""
        if not {*IDS, "common_name"} & self._placeholders:
            return f"The name schema needs one of {', '.join(IDS)} and common_name, or names would clash."
        if self.text.startswith("-"):
            return "Names would begin with a hyphen, which commands take for an option; begin with something else."
        sample = self.render(
            certificate_id=_SAMPLE_ID,
            lineage_id=_SAMPLE_ID,
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

    def require_fit(self, *, pattern: str, length: int) -> None:
        """Raises BadInput for names that would not fit a destination."""
        if problem := self.problem(pattern=pattern, length=length):
            raise BadInput(problem, "name_schema")

    def render(
        self,
        *,
        certificate_id: str,
        lineage_id: str,
        common_name: str,
        profile: str,
        application: str,
        pattern: str,
        length: int | None = None,
    ) -> str:
        """The name of one object.

        The wildcard in ``*.example.com`` becomes ``wildcard``, and other characters of texts that the destination does
        not take become ``-``, but not at the beginning: commands would take such a name for an option. With ``length``,
        texts are cut until the name is no longer than that. Ids are never changed, so names stay distinct.
        """
        ids = {
            "certificate_id": certificate_id,
            "short_certificate_id": short_id(certificate_id),
            "lineage_id": lineage_id,
        }
        given = {"common_name": common_name, "profile": profile, "application": application}
        texts = {name: _fitted(value, pattern) for name, value in given.items()}
        while length is not None and len(self._fill(ids | texts)) > length:
            longest = max(self._used(texts), key=lambda name: len(texts[name]), default="")
            if not texts.get(longest):
                break
            texts[longest] = texts[longest][:-1]
        return self._fill(ids | texts)

    def _fill(self, values: dict[str, str]) -> str:
        return _PLACEHOLDER.sub(lambda match: values[match[1]], self.text).lstrip("-")

    def _used(self, texts: dict[str, str]) -> list[str]:
        return [name for name in texts if name in self._placeholders]

    @cached_property
    def _placeholders(self) -> set[str]:
        return set(_PLACEHOLDER.findall(self.text))


def short_id(certificate_id: str) -> str:
    """A certificate id, 32 hex digits, as 22 base-62 digits."""
    number = int(certificate_id, 16)
    digits = ""
    while number:
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits.rjust(_SHORT_LENGTH, "0")


def _fitted(value: str, pattern: str) -> str:
    value = re.sub(r"^\*(?=\.)", WILDCARD, value)
    return "".join(_fitted_character(character, pattern) for character in value)


def _fitted_character(character: str, pattern: str) -> str:
    for choice in (character, character.lower()):
        if re.fullmatch(pattern, f"a{choice}a"):
            return choice
    return "-"

"""The terms by which a certificate is found."""

from collections.abc import Mapping, Sequence
from typing import TypedDict


class Term(TypedDict):
    """As it is stored; see `CertificateSearchTerm`."""

    kind: str
    value: str
    reversed: str | None


def search_terms_of(
    common_name: str, names: Mapping[str, Sequence[str]], attributes: Mapping[str, str]
) -> list[Term]:
    """One for each different name, and one for each metadata entry."""
    values = {common_name, *(name for kind, of_kind in names.items() if kind != "other" for name in of_kind)}
    lower = sorted({value.lower() for value in values if value})
    return [
        *(Term(kind="name", value=value, reversed=value[::-1]) for value in lower),
        *(Term(kind="metadata", value=f"{n}={v}", reversed=None) for n, v in sorted(attributes.items())),
    ]

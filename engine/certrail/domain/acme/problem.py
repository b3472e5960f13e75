"""Refusals by ACME (RFC 8555 section 6.7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from certrail.domain.acme.identifier import Identifier
from certrail.domain.errors import CertrailError


@dataclass(frozen=True, slots=True)
class Subproblem:
    """Why one identifier is refused."""

    identifier: Identifier
    kind: str
    detail: str


class AcmeProblem(CertrailError):
    """A refusal by ACME, a problem document of the type ``urn:ietf:params:acme:error:{kind}`` (RFC 8555 section 6.7).

    Attributes:
        subproblems: refusals of single identifiers (section 6.7.1).
        retry_after: seconds.
        location: URL of the object that is in the way.
    """

    title = "ACME refused"

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        status: int = 400,
        subproblems: Sequence[Subproblem] = (),
        retry_after: int | None = None,
        location: str | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail, kind=kind, **extra)
        self.status = status
        self.subproblems = subproblems
        self.retry_after = retry_after
        self.location = location

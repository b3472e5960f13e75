"""What approvals need of the thing that is approved, whatever it is.

A room above implements `SubjectType` and `Subject` for its own rows and registers the type in the facade; approvals
refer to a row by (type, id) only.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from sqlmodel import Session

from certrail.domain.approval import GuardedAction
from certrail.domain.errors import NotFound
from certrail.persistence.tables import ApprovalPolicy, ApprovalRequest
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail_sdk import Fact


class Subject(Protocol):
    """One thing that is approved, around its row in the session of the caller."""

    @property
    def type(self) -> str:
        """The name of its `SubjectType`."""
        ...

    @property
    def id(self) -> str:
        """The id of its row."""
        ...

    @property
    def action(self) -> GuardedAction:
        """What a policy must guard for this to be approved."""
        ...

    @property
    def application_id(self) -> str | None:
        """The Application it belongs to; `None` in the legacy scope."""
        ...

    @property
    def profile_id(self) -> str | None:
        """The profile whose policy guards it; `None` is guarded by nobody."""
        ...

    @property
    def requester_id(self) -> str:
        """Who requested it, and therefore does not vote on it."""
        ...

    @property
    def origin_id(self) -> str:
        """The principal that it came from, by whose kind a policy's bypass decides."""
        ...

    @property
    def display_name(self) -> str | None:
        """What people call it, such as a common name."""
        ...

    @property
    def is_authority(self) -> bool:
        """Whether it is about a CA certificate."""
        ...

    @property
    def lifetime(self) -> str | None:
        """How long the certificate is valid, in words; `None` where that is not decided."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """Every name on the certificate, each once, the common name first."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 of the content that votes are bound to, in hex."""
        ...

    @property
    def waiting(self) -> bool:
        """Whether its own row still waits for the approval."""
        ...

    def current_digest(self, session: Session, now: datetime, /) -> str:
        """The digest of what would be issued or revoked now.

        Raises:
            CertrailError: nothing can be issued or revoked any more.
        """
        ...

    def title(self) -> str:
        """The title of an approval message."""
        ...

    def facts(self, session: Session) -> Sequence[Fact]:
        """What an approver must know to vote: everything that the digest covers, at least."""
        ...

    def covered_by(self, uow: UnitOfWork, policy: ApprovalPolicy, /) -> ApprovalRequest | None:
        """An earlier approval that covers this one too, noted on its row."""
        ...

    def on_decided(self, uow: UnitOfWork, status: str, reason: str | None) -> None:
        """Take the end of its approval: approved, rejected, expired or cancelled."""
        ...

    def execute(self, uow: UnitOfWork) -> None:
        """Execute what was just approved in the same transaction, or leave it to its workflow, which is signalled."""
        ...

    def on_reopened(self, uow: UnitOfWork, reason: str) -> None:
        """Wait for approval again, of the content as it is now.

        Raises:
            CertrailError: nothing can be issued or revoked any more.
        """
        ...

    def signal(self, uow: UnitOfWork, reference: str) -> None:
        """Start its workflow, or signal it that its approval changed."""
        ...


class SubjectRow(Protocol):
    """The columns that every row which is approved has."""

    id: str
    application_id: str | None
    requester_id: str
    digest: str


R = TypeVar("R", bound=SubjectRow)


class RowSubject(Generic[R]):
    """The part of a `Subject` that its own row says."""

    def __init__(self, row: R) -> None:
        self.row = row

    @property
    def id(self) -> str:
        """The id of the row."""
        return self.row.id

    @property
    def application_id(self) -> str | None:
        """The Application of the row."""
        return self.row.application_id

    @property
    def requester_id(self) -> str:
        """Who requested it, and therefore does not vote on it."""
        return self.row.requester_id

    @property
    def origin_id(self) -> str:
        """The requester, where it came from nobody else."""
        return self.row.requester_id

    @property
    def names(self) -> Sequence[str]:
        """Every name on the certificate, each once, the common name first."""
        raise NotImplementedError

    @property
    def display_name(self) -> str | None:
        """The common name, or else the first other name."""
        return next(iter(self.names), None)

    @property
    def digest(self) -> str:
        """The digest of what votes are bound to."""
        return self.row.digest


class SubjectType(Protocol):
    """Where subjects of one type come from."""

    name: str

    def load(self, session: Session, ids: Sequence[str]) -> Mapping[str, Subject]:
        """The subjects with these ids, unlocked, in one statement."""
        ...

    def lock(self, session: Session, ids: Sequence[str]) -> Mapping[str, Subject]:
        """The same, `FOR NO KEY UPDATE` until the transaction ends, in the order of their ids."""
        ...


def subject_type(context: ServiceContext, name: str) -> SubjectType:
    """A registered type. Raises KeyError for one that the facade does not know."""
    found: SubjectType = context.approval_subjects[name]
    return found


def subject_of(context: ServiceContext, session: Session, approval: ApprovalRequest) -> Subject:
    """What an approval is about, unlocked. Raises NotFound."""
    ident = approval.subject_id
    found = subject_type(context, approval.subject_type).load(session, [ident]).get(ident)
    if found is None:
        raise NotFound(approval.subject_type.replace("_", " "))
    return found

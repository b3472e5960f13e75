"""What an approver is shown: the facts of the question, who may vote on it, and how many votes are missing."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from sqlmodel import Session, col, select

from certrail.domain.approval import reference
from certrail.domain.events.approvals import WaitingFacts
from certrail.domain.states import ApprovalStatus
from certrail.persistence.tables import ApprovalRequest, CertificateProfile, Principal, Vote
from certrail.services.approvals.eligibility import Eligibility, count_votes, in_current_step
from certrail.services.approvals.store import votes_of
from certrail.services.approvals.subject import Subject
from certrail_sdk import Fact

MOST_NAMED = 20
"""Voters that a message names; a group may have thousands."""


@dataclass(frozen=True)
class Ballot:
    """The vote in the current step.

    Attributes:
        voters: names of those who may vote and have not, sorted; nobody once the approval is decided.
        voter_ids: their ids as principals.
    """

    voters: Sequence[str]
    given: int
    needed: int
    voter_ids: frozenset[str] = frozenset()

    @property
    def missing(self) -> int:
        """How many approvals the step still needs."""
        return max(self.needed - self.given, 0)

    @property
    def named(self) -> Sequence[str]:
        """The voters as a message names them."""
        more = len(self.voters) - MOST_NAMED
        return [*self.voters[:MOST_NAMED], *([f"{more} more"] if more > 0 else [])]


def ballot_of(
    session: Session,
    approval: ApprovalRequest,
    eligibility: Eligibility | None = None,
    votes: Sequence[Vote] | None = None,
) -> Ballot:
    """The vote in the current step of an approval.

    Args:
        votes: all of the approval, where the caller has them.
    """
    votes = votes_of(session, approval.id) if votes is None else votes
    eligibility = eligibility or Eligibility(session, [approval])
    able = _able(approval, votes, eligibility)
    people = select(Principal.id, Principal.name).where(col(Principal.id).in_(able))
    names = dict(session.exec(people).all()) if able else {}
    return ballot_with(approval, votes, eligibility, able, names)


def ballot_with(
    approval: ApprovalRequest,
    votes: Sequence[Vote],
    eligibility: Eligibility,
    able: AbstractSet[str],
    names: Mapping[str, str],
) -> Ballot:
    """A ballot of what the caller has read.

    Args:
        able: ids of those who may still vote; `names` has their names.
    """
    given, needed = count_votes(approval, votes, eligibility)
    return Ballot(sorted(names[each] for each in able if each in names), given, needed, frozenset(able))


def voters_of(
    approvals: Sequence[ApprovalRequest], votes: Mapping[str, Sequence[Vote]], eligibility: Eligibility
) -> Mapping[str, AbstractSet[str]]:
    """Who may still vote in the current step of each approval, by its id."""
    return {row.id: _able(row, votes[row.id], eligibility) for row in approvals}


def _able(approval: ApprovalRequest, votes: Sequence[Vote], eligibility: Eligibility) -> set[str]:
    """Who may still vote in the current step."""
    if approval.status != ApprovalStatus.OPEN:
        return set()
    voted = {vote.principal_id for vote in in_current_step(approval, votes)}
    return eligibility.of(approval, approval.current_step) - voted


def question_facts(session: Session, approval: ApprovalRequest, subject: Subject) -> Sequence[Fact]:
    """Everything that the votes are bound to, and by whom it was requested."""
    requester = session.get_one(Principal, approval.requester_id)
    return [
        *subject.facts(session),
        Fact(label="Requested by", value=reference(requester)),
        Fact(label="Content digest", value=approval.digest),
    ]


def waiting_facts(
    session: Session, approval: ApprovalRequest, subject: Subject, ballot: Ballot
) -> WaitingFacts:
    """What the events of an approval that waits for votes say of it."""
    profile = session.get(CertificateProfile, subject.profile_id) if subject.profile_id else None
    return WaitingFacts(
        common_name=subject.display_name,
        authority=subject.is_authority,
        profile=profile.slug if profile else None,
        lifetime=subject.lifetime,
        voters=ballot.named,
        missing=ballot.missing,
        expires_at=approval.expires_at,
    )

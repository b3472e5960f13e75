"""Answers about approval policies, approval requests and votes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from certrail.persistence.tables import (
    ApprovalPolicy,
    ApprovalRequest,
    CertificateProfile,
    Channel,
    Principal,
    Vote,
)
from certrail.services.approvals.links import approval_link
from certrail.services.approvals.queries import About, Shown
from certrail.services.approvals.store import max_sign_in_age
from certrail.services.core.names import Found
from certrail.services.facade import Services
from certrail_server.api.schemas.approvals import (
    ApprovalPolicyOut,
    ApprovalRequestOut,
    ApprovalRequestWithVotesOut,
    ApprovalStepOut,
    FactOut,
    VoteOut,
)

Steps = Sequence[Mapping[str, Any]]


def _named_in(steps: Iterable[Mapping[str, Any]], part: str) -> list[str]:
    """The ids of all approvers, or of all channels, in some steps."""
    return [ident for step in steps for ident in step[part]]


def _steps_answer(steps: Steps, names: Found) -> list[ApprovalStepOut]:
    return [
        ApprovalStepOut(
            name=step["name"],
            approvers=[names[Principal].get(ident, ident) for ident in step["approvers"]],
            quorum=step["quorum"],
            max_sign_in_age=max_sign_in_age(step),
            channels=[names[Channel].get(ident, ident) for ident in step["channels"]],
        )
        for step in steps
    ]


def approval_policy_answers(
    services: Services, rows: Sequence[tuple[ApprovalPolicy, Sequence[str]]]
) -> list[ApprovalPolicyOut]:
    """One for each policy with the ids of its profiles."""
    steps = [step for policy, _ in rows for step in policy.steps]
    names = services.names.of(
        {
            CertificateProfile: (ident for _, named in rows for ident in named),
            Principal: _named_in(steps, "approvers"),
            Channel: _named_in(steps, "channels"),
        }
    )
    return [
        ApprovalPolicyOut.about(
            policy,
            profiles=sorted(names[CertificateProfile][ident] for ident in named),
            steps=_steps_answer(policy.steps, names),
        )
        for policy, named in rows
    ]


def approval_policy_answer(
    services: Services, row: tuple[ApprovalPolicy, Sequence[str]]
) -> ApprovalPolicyOut:
    """For one policy."""
    (answer,) = approval_policy_answers(services, [row])
    return answer


def approval_answers(services: Services, rows: Sequence[About]) -> list[ApprovalRequestOut]:
    """One for each approval, its Application and the names it is about."""
    names = _names_in(services, [about.approval for about in rows])
    return [ApprovalRequestOut.of(about.approval, **_named(about, names)) for about in rows]


def shown_answers(services: Services, rows: Sequence[Shown]) -> list[ApprovalRequestWithVotesOut]:
    """One for each approval with everything that its votes are bound to."""
    votes = [vote for shown in rows for vote in shown.votes]
    names = _names_in(services, [shown.about.approval for shown in rows], votes)
    return [_shown_answer(services, shown, names) for shown in rows]


def approval_answer(services: Services, shown: Shown) -> ApprovalRequestWithVotesOut:
    """For one approval with everything that the votes are bound to."""
    (answer,) = shown_answers(services, [shown])
    return answer


def _shown_answer(services: Services, shown: Shown, names: Found) -> ApprovalRequestWithVotesOut:
    approval = shown.about.approval
    return ApprovalRequestWithVotesOut.of(
        approval,
        facts=[FactOut.of(fact) for fact in shown.facts],
        voters=list(shown.ballot.voters),
        votes_given=shown.ballot.given,
        votes_missing=shown.ballot.missing,
        link=approval_link(services.context, approval.id),
        votes=_vote_answers(shown.votes, names),
        **_named(shown.about, names),
    )


def vote_answers(services: Services, votes: Sequence[Vote]) -> list[VoteOut]:
    """One for each vote."""
    return _vote_answers(votes, services.names.of({Principal: (vote.principal_id for vote in votes)}))


def _vote_answers(votes: Sequence[Vote], names: Found) -> list[VoteOut]:
    return [VoteOut.of(vote, principal=names[Principal][vote.principal_id]) for vote in votes]


def _names_in(services: Services, rows: Sequence[ApprovalRequest], votes: Sequence[Vote] = ()) -> Found:
    """The names of requesters, voters, approvers and channels."""
    steps = [step for row in rows for step in row.policy["steps"]]
    people = [*(row.requester_id for row in rows), *(vote.principal_id for vote in votes)]
    return services.names.of(
        {Principal: [*people, *_named_in(steps, "approvers")], Channel: _named_in(steps, "channels")}
    )


def _named(about: About, names: Found) -> dict[str, Any]:
    approval = about.approval
    return {
        "application": about.application,
        "title": about.title,
        "authority": about.authority,
        "names": list(about.names),
        "requester": names[Principal][approval.requester_id],
        "policy": approval.policy["slug"],
        "policy_version": approval.policy["version"],
        "steps": _steps_answer(approval.policy["steps"], names),
    }

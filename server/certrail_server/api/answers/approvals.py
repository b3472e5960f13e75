"""Answers about approval policies, approval requests and votes."""

from collections.abc import Mapping, Sequence
from typing import Any

from certrail.persistence.tables import ApprovalPolicy, CertificateProfile, Channel, Principal, Vote
from certrail.services.approvals.queries import About, Shown
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


class _Steps:
    """Steps of several policies, what they point to read at once."""

    def __init__(self, services: Services, all_steps: Sequence[Steps]) -> None:
        flat = [step for steps in all_steps for step in steps]
        self._people = services.names.slugs(Principal, (p for step in flat for p in step["approvers"]))
        self._channels = services.names.slugs(Channel, (c for step in flat for c in step["channels"]))

    def named(self, steps: Steps) -> list[ApprovalStepOut]:
        return [
            ApprovalStepOut(
                name=step["name"],
                approvers=[self._people.get(ident, ident) for ident in step["approvers"]],
                quorum=step["quorum"],
                channels=[self._channels.get(ident, ident) for ident in step["channels"]],
            )
            for step in steps
        ]


def approval_policy_answers(
    services: Services, rows: Sequence[tuple[ApprovalPolicy, Sequence[str]]]
) -> list[ApprovalPolicyOut]:
    """One for each policy with the ids of its profiles."""
    profiles = services.names.slugs(CertificateProfile, (p for _, named in rows for p in named))
    steps = _Steps(services, [policy.steps for policy, _ in rows])
    return [
        ApprovalPolicyOut.about(
            policy, profiles=sorted(profiles[ident] for ident in named), steps=steps.named(policy.steps)
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
    return [ApprovalRequestOut.of(about.approval, **named) for about, named in _named(services, rows)]


def approval_answer(services: Services, shown: Shown) -> ApprovalRequestWithVotesOut:
    """For one approval with everything that the votes are bound to."""
    ((_, named),) = _named(services, [shown.about])
    approval, public_url = shown.about.approval, services.context.public_url
    return ApprovalRequestWithVotesOut.of(
        approval,
        facts=[FactOut.of(fact) for fact in shown.facts],
        voters=list(shown.ballot.voters),
        votes_given=shown.ballot.given,
        votes_missing=shown.ballot.missing,
        link=f"{public_url}/approvals/{approval.id}" if public_url else None,
        votes=vote_answers(services, shown.votes),
        **named,
    )


def vote_answers(services: Services, votes: Sequence[Vote]) -> list[VoteOut]:
    """One for each vote."""
    people = services.names.slugs(Principal, (vote.principal_id for vote in votes))
    return [VoteOut.of(vote, principal=people[vote.principal_id]) for vote in votes]


def _named(services: Services, rows: Sequence[About]) -> list[tuple[About, dict[str, Any]]]:
    approvals = [about.approval for about in rows]
    requesters = services.names.slugs(Principal, (row.requester_id for row in approvals))
    steps = _Steps(services, [row.policy["steps"] for row in approvals])
    return [
        (
            about,
            {
                "application": about.application,
                "title": about.title,
                "authority": about.authority,
                "names": list(about.names),
                "requester": requesters[about.approval.requester_id],
                "policy": about.approval.policy["slug"],
                "policy_version": about.approval.policy["version"],
                "steps": steps.named(about.approval.policy["steps"]),
            },
        )
        for about in rows
    ]

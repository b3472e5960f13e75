"""Answers about approval policies, approval requests and votes."""

from collections.abc import Mapping, Sequence
from typing import Any

from certrail.persistence.tables import ApprovalPolicy, CertificateProfile, Channel, Principal, Vote
from certrail.services.approvals.queries import About
from certrail.services.facade import Services
from certrail_server.api.schemas.approvals import (
    ApprovalPolicyOut,
    ApprovalRequestOut,
    ApprovalRequestWithVotesOut,
    ApprovalStepOut,
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
    return [ApprovalRequestOut.of(row, **named) for (row, _, _), named in _named(services, rows)]


def approval_answer(services: Services, about: About, votes: Sequence[Vote]) -> ApprovalRequestWithVotesOut:
    """For one approval with its votes."""
    ((_, named),) = _named(services, [about])
    return ApprovalRequestWithVotesOut.of(about[0], votes=vote_answers(services, votes), **named)


def vote_answers(services: Services, votes: Sequence[Vote]) -> list[VoteOut]:
    """One for each vote."""
    people = services.names.slugs(Principal, (vote.principal_id for vote in votes))
    return [VoteOut.of(vote, principal=people[vote.principal_id]) for vote in votes]


def _named(services: Services, rows: Sequence[About]) -> list[tuple[About, dict[str, Any]]]:
    requesters = services.names.slugs(Principal, (row.requester_id for row, _, _ in rows))
    steps = _Steps(services, [row.policy["steps"] for row, _, _ in rows])
    return [
        (
            about,
            {
                "application": about[1],
                "names": list(about[2]),
                "requester": requesters[about[0].requester_id],
                "policy": about[0].policy["slug"],
                "policy_version": about[0].policy["version"],
                "steps": steps.named(about[0].policy["steps"]),
            },
        )
        for about in rows
    ]

"""Certificate requests: submitted, cancelled, retried, read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlmodel import Session, select

from certrail.domain.access import ProductRole, Role
from certrail.domain.content import RequestContent, fitting_usages, named_by_common_name
from certrail.domain.enrollment import EnrollmentMethod, RequestOrigin
from certrail.domain.errors import BadInput, Conflict, Forbidden, NotFound
from certrail.domain.faults import describe_faults
from certrail.domain.policy import PolicyRules, default_extended_usages
from certrail.domain.states import ApprovalStatus, RequestStatus
from certrail.persistence.database import session_cache
from certrail.persistence.tables import CertificatePolicy, CertificateProfile, CertificateRequest
from certrail.pki.csr import read_csr
from certrail.services.access.membership import role_in
from certrail.services.approvals.lifecycle import close, reopen
from certrail.services.catalog.enrollment import enrolled_profile, refuse_off
from certrail.services.catalog.profiles import find_profile
from certrail.services.core.actor import Actor
from certrail.services.core.paging import PAGE, Position, newest_first
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.inventory.lineages import lock_current
from certrail.services.inventory.renewal_schedule import refuse_second
from certrail.services.issuance.acceptance import accept, refusals_recorded, refuse_unacceptable
from certrail.services.issuance.state import enqueue_issuance, lock_request, rules_of, transition
from certrail.services.issuance.subject import approval_for, open_if_required

BY_HAND = "retried by hand"
MOST_ATTRIBUTES = 50
LONGEST_NAME = 128
LONGEST_VALUE = 1024


@dataclass(frozen=True)
class Submission:
    """An accepted request.

    Attributes:
        profile: slug.
        approval_id: of the approval that it waits for.
    """

    request: CertificateRequest
    profile: str
    approval_id: str | None


class Requests:
    """Requests of an Application, or of the legacy scope."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def submit(
        self,
        actor: Actor,
        application_id: str | None,
        *,
        profile: str,
        content: Mapping[str, Any],
        attributes: Mapping[str, str] | None = None,
    ) -> CertificateRequest:
        """Accept a request, or refuse it with every reason at once. Raises as `accept`."""
        given = self.accept(actor, application_id, profile=profile, content=content, attributes=attributes)
        return given.request

    def accept(
        self,
        actor: Actor,
        application_id: str | None,
        *,
        profile: str,
        content: Mapping[str, Any],
        attributes: Mapping[str, str] | None = None,
    ) -> Submission:
        """The same, with what an answer says of the request besides its row: nothing has to be read again for that.

        Raises:
            BadInput: the content or the CSR cannot be read.
            PolicyViolation: the certificate policy denies it; the refusal is on record.
            Conflict: no approval could ever succeed.
        """
        chosen, rules = self._enrolled_profile(application_id, profile)
        parsed = content_for(content, chosen, rules)
        attributes = checked_attributes(attributes or {})
        with (
            refusals_recorded(self._context, actor, application_id, chosen, parsed),
            self._context.unit_of_work(actor) as uow,
            session_cache(uow.session),
        ):
            # Read again: the profile and its policy may have changed since the content was parsed by them.
            now = rules_of(uow.session, chosen.id, application_id).profile
            accepted = accept(uow, application_id, now, parsed, attributes, origin=RequestOrigin.API)
            return Submission(accepted.request, now.slug, accepted.approval_id)

    def evaluate(self, profile: str, content: Mapping[str, Any]) -> RequestContent:
        """The content that would be signed if it were requested now; nothing is stored, and no refusal is on record.

        Raises: as `accept`, but for approvals, which are not looked at.
        """
        with self._context.db.read() as session:
            chosen = find_profile(session, profile)
            policy = session.get_one(CertificatePolicy, chosen.policy_id)
            parsed = content_for(content, chosen, PolicyRules.model_validate(policy.rules))
            refuse_unacceptable(self._context, session, chosen, parsed, self._context.clock())
            return parsed

    def cancel(self, actor: Actor, request_id: str) -> CertificateRequest:
        """Cancel a request that is not carried out yet: one's own, or any as an Admin.

        Raises:
            Forbidden: it is somebody else's, and the caller is no Admin here.
            Conflict: it is ordered at a remote signer, or final.
        """
        with self._context.unit_of_work(actor) as uow:
            row = lock_request(uow.session, request_id)
            if row.requester_id != actor.principal_id and not _is_admin(uow.session, actor, row):
                raise Forbidden("Only the requester or an Admin cancels a request.", kind="not-requester")
            if row.status not in (RequestStatus.PENDING_APPROVAL, RequestStatus.APPROVED):
                raise Conflict(
                    f"The request is {row.status}; only one that waits for approval, or is approved and not signed"
                    " yet, is cancelled."
                )
            by = f"cancelled by {'the requester' if row.requester_id == actor.principal_id else 'an Admin'}"
            held = approval_for(uow.session, row)
            if held is not None and held.approval.status == ApprovalStatus.OPEN:
                close(uow, held, ApprovalStatus.CANCELLED, actor.principal_id, by)
            else:
                # The step that signs holds the same lock: whoever comes second finds the request decided.
                transition(uow, row, RequestStatus.CANCELLED, by)
                enqueue_issuance(uow, row, uow.new_id())
            return row

    def retry(self, actor: Actor, request_id: str) -> CertificateRequest:
        """Try a failed request again, or start the workflow of an approved one that has none.

        An approval that was given still holds; any other is requested anew.

        A request without an approval is treated like a new one: a policy may guard it by now, or its renewal
        preapproval may have ended.

        Raises:
            Conflict: it waits for approval or is final, could never be approved, or what it renews is renewed
                otherwise.
            PolicyViolation: it would be denied again.
        """
        with self._context.unit_of_work(actor) as uow:
            row = lock_request(uow.session, request_id)
            if row.status in (RequestStatus.APPROVED, RequestStatus.ISSUING):
                # Where its workflow runs, the signal has it look at the database again, and changes nothing else.
                enqueue_issuance(uow, row, uow.new_id())
                return row
            if row.status != RequestStatus.FAILED:
                raise Conflict(f"The request is {row.status}; only a failed or an approved one is retried.")
            if row.renews_id:
                refuse_second(uow.session, lock_current(uow.session, row.renews_id))
            _ask_again(uow, row)
            row.renewal_round = None  # the round in which it failed goes its own way, or is over
            enqueue_issuance(uow, row)
            return row

    def get(self, request_id: str) -> CertificateRequest:
        """One request. Raises NotFound."""
        with self._context.db.read() as session:
            row = session.get(CertificateRequest, request_id)
            if row is None:
                raise NotFound("certificate request")
            return row

    def list(
        self,
        application_id: str | None,
        *,
        status: str | None = None,
        after: Position | None = None,
        limit: int = PAGE,
    ) -> Sequence[CertificateRequest]:
        """One page, newest first."""
        with self._context.db.read() as session:
            query = select(CertificateRequest).where(CertificateRequest.application_id == application_id)
            if status:
                query = query.where(CertificateRequest.status == status)
            return session.exec(newest_first(query, CertificateRequest, after, limit)).all()

    def _enrolled_profile(
        self, application_id: str | None, reference: str
    ) -> tuple[CertificateProfile, PolicyRules]:
        with self._context.db.read() as session:
            profile, policy, by_api = enrolled_profile(session, application_id, reference)
            refuse_off(EnrollmentMethod.API, by_api)
            return profile, PolicyRules.model_validate(policy.rules)


def _ask_again(uow: UnitOfWork, row: CertificateRequest) -> None:
    """Request the approval that a failed request needs now; none, if it was approved before."""
    held = approval_for(uow.session, row)
    if held is not None and held.approval.status != ApprovalStatus.APPROVED:
        reopen(uow, held, BY_HAND)
    elif held is not None or not open_if_required(uow, row, BY_HAND):
        transition(uow, row, RequestStatus.APPROVED, BY_HAND)


def _is_admin(session: Session, actor: Actor, row: CertificateRequest) -> bool:
    if actor.product_role == ProductRole.ADMIN:
        return True
    return role_in(session, actor.principal_id, row.application_id) is Role.ADMIN


def content_for(given: Mapping[str, Any], profile: CertificateProfile, rules: PolicyRules) -> RequestContent:
    """The content, with the profile's defaults for members that are left out; an empty member stays empty.

    Raises:
        BadInput: the content or the CSR cannot be read.
    """
    said = {**given, **_from_csr(given)} if given.get("csr") else dict(given)
    values = {"ttl_seconds": profile.ttl_seconds, **profile.defaults, **said}
    if "csr" not in said and "subject" in profile.defaults:
        values["subject"] = {**profile.defaults["subject"], **(said.get("subject") or {})}
    if "extended_key_usages" not in values and not (values.get("basic_constraints") or {}).get("ca"):
        values["extended_key_usages"] = default_extended_usages(rules)
    content = named_by_common_name(parsed_content(values))
    if "key_usages" in profile.defaults and "key_usages" not in said:
        # One profile serves keys of several kinds, and no kind of key can do everything.
        fitting = fitting_usages(content.key_algorithm, content.key_usages)
        return content.model_copy(update={"key_usages": tuple(fitting)})
    return content


def parsed_content(values: Mapping[str, Any]) -> RequestContent:
    """The content, validated by itself. Raises BadInput with every fault."""
    try:
        return RequestContent.model_validate(values)
    except ValidationError as err:
        faults = [
            {"field": field or "content", "message": message}
            for field, message in describe_faults(err, RequestContent)
        ]
        detail = "; ".join(f"{f['field']}: {f['message']}" for f in faults)
        raise BadInput(f"The request cannot be read. {detail}", faults[0]["field"], errors=faults) from None


def _from_csr(values: Mapping[str, Any]) -> dict[str, Any]:
    """Subject, names and key come from the CSR; saying them twice is refused."""
    if both := sorted(
        {"subject", "sans", "key_algorithm", "basic_constraints"} & {n for n, v in values.items() if v}
    ):
        raise BadInput(f"With a CSR these come from the CSR; leave them out: {', '.join(both)}.", both[0])
    facts = read_csr(str(values["csr"]))
    usages = {"key_usages": facts.key_usages, "extended_key_usages": facts.extended_key_usages}
    return {
        "csr": facts.pem,
        "subject": facts.subject.model_dump(),
        "sans": facts.sans.model_dump(),
        "key_algorithm": facts.key_algorithm,
        "basic_constraints": facts.basic_constraints.model_dump(),
        **{name: named for name, named in usages.items() if named and name not in values},
    }


def checked_attributes(given: Mapping[str, str]) -> dict[str, str]:
    """Metadata within its limits. Raises BadInput."""
    if len(given) > MOST_ATTRIBUTES:
        raise BadInput(f"At most {MOST_ATTRIBUTES} metadata entries.", "metadata")
    for name, value in given.items():
        if not 1 <= len(name.encode()) <= LONGEST_NAME or len(value.encode()) > LONGEST_VALUE:
            raise BadInput(
                f"A metadata entry has a name of 1 to {LONGEST_NAME} and a value of at most {LONGEST_VALUE}"
                f" bytes; {name[:LONGEST_NAME]!r} has not.",
                "metadata",
            )
    return dict(given)

"""Deliveries and retirements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints

from certrail.domain.endpoints.probes import LONGEST_REASON, Endpoint, ProbeProtocol, ProbeVerdict
from certrail.domain.formats import printable
from certrail.domain.states import DeliveryStatus, RetirementStatus
from certrail.persistence.tables import Delivery, Retirement, Sync
from certrail.services.delivery.probes.looks import ShownProbe
from certrail.services.delivery.retirement_planner import RetirementReason
from certrail_server.api.schemas.base import Id, In, Listing, Out, examples
from certrail_server.api.schemas.failures import FailureOut
from certrail_server.api.schemas.syncs import Port

HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]+$", max_length=253)]
Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Reason = Annotated[str, StringConstraints(max_length=LONGEST_REASON), AfterValidator(printable)]


class ReceiptOut(Out):
    """What a destination answered to a delivery."""

    reference: str = Field(description="The destination's own name for the object, such as an ARN or a path.")
    version: str | None = Field(description="The destination's name for this content, if it keeps versions.")
    fingerprint: str = Field(description="SHA-256 of the certificate that is there.")
    changed: bool = Field(description="Whether the delivery changed anything.")
    details: dict[str, str] = Field(description="Public facts of the plugin's.")


class ObservationOut(Out):
    """What the destination held when it was read back."""

    good: bool | None = Field(description="Whether it is what was delivered; null if it could not be read.")
    present: bool | None = Field(default=None, description="Whether the object is there.")
    fingerprint: str | None = Field(default=None, description="SHA-256 of the certificate that is there.")
    reference: str | None = Field(default=None, description="The destination's own name for the object.")
    version: str | None = Field(default=None, description="The destination's name for this content.")
    key_matches: bool | None = Field(
        default=None, description="Whether the private key there fits; null if it cannot be read."
    )
    in_use_by: list[str] | None = Field(default=None, description="What uses the object, if that is known.")
    error: FailureOut | None = Field(default=None, description="Why it could not be read.")


class ProbeOut(Out):
    """Whether a service presents the certificate that belongs there."""

    id: Id = Field(description="Id of the probe.")
    application_id: Id | None = Field(description="Id of its Application; null in the legacy scope.")
    lineage_id: Id = Field(description="Id of the lineage.")
    delivery_id: Id | None = Field(description="Id of the delivery; null where an agent reports it.")
    sync: str | None = Field(description="Slug of the sync; null where an agent reports it.")
    reporter: str | None = Field(
        description="Who reports it: the agent of a host; null where certrail looks."
    )
    protocol: ProbeProtocol = Field(description="How TLS begins.")
    host: str = Field(
        description="Name or address of the service, as it is reached from where it is looked at."
    )
    port: int = Field(description="Port of the service.")
    server_name: str = Field(description="Name for SNI; empty for none.")
    verdict: ProbeVerdict | None = Field(
        description="What the last look found; null before the first one after a delivery."
    )
    reason: str = Field(description="Why it is not served; empty if it is.")
    found: str | None = Field(description="SHA-256 of the certificate that is presented.")
    certificate_id: Id = Field(description="Id of the certificate that belongs there.")
    checked_at: datetime | None = Field(description="When it was looked at last.")
    changed_at: datetime | None = Field(description="When the verdict changed last.")
    grace_until: datetime | None = Field(
        description="Until when it is not reported that it is not served; null while it is."
    )
    reported_at: datetime | None = Field(
        description="When it was reported that it is not served; null once that is resolved."
    )
    next_check_at: datetime | None = Field(
        description="When it is looked at again; null where an agent looks."
    )

    @classmethod
    def about(cls, shown: ShownProbe) -> Self:
        """From a probe and the names of what it belongs to."""
        return cls.of(
            shown.row,
            application_id=shown.application_id,
            sync=shown.sync,
            reporter=shown.reporter,
            next_check_at=shown.row.due_at,
        )


class ProbeList(Listing[ProbeOut]):
    """Probes, newest first."""


class ServedIn(In):
    """What the agent of a host saw of the service that uses a certificate."""

    model_config = examples(
        {"host": "127.0.0.1", "port": 443, "server_name": "www.example.com", "fingerprint": "ab" * 32},
        {
            "host": "127.0.0.1",
            "port": 25,
            "server_name": "mail.example.com",
            "protocol": "smtp",
            "fingerprint": None,
            "reason": "The connection was refused.",
        },
    )

    host: HostName = Field(description="Name or address at which it looked.")
    port: Port = Field(description="Port at which it looked.")
    server_name: HostName | Literal[""] = Field(default="", description="Name for SNI; empty for none.")
    protocol: ProbeProtocol = Field(default=ProbeProtocol.TLS, description="How TLS began.")
    fingerprint: Fingerprint | None = Field(
        description="SHA-256 of the certificate that was presented, hex; null where there was no handshake."
    )
    reason: Reason = Field(default="", description="Why there was none.")

    def endpoint(self) -> Endpoint:
        """Where it looked."""
        return Endpoint(self.protocol, self.host.lower(), self.port, self.server_name.lower())


class DeliveryOut(Out):
    """The state of one lineage at one sync."""

    id: Id = Field(description="Id of the delivery.")
    created_at: datetime = Field(description="When the lineage was first selected.")
    application_id: Id | None = Field(description="Id of its Application; null in the legacy scope.")
    sync_id: Id = Field(description="Id of the sync.")
    sync: str = Field(description="Slug of the sync.")
    destination: str = Field(description="Name of the destination plugin.")
    lineage_id: Id = Field(description="Id of the lineage.")
    common_name: str = Field(description="Common name or first other name of the desired certificate.")
    object_name: str = Field(description="What the object is called at the destination.")
    status: DeliveryStatus = Field(description="Where the delivery is.")
    last_transition_at: datetime | None = Field(description="When the status changed last.")
    desired_certificate_id: Id = Field(description="Id of the certificate that belongs there.")
    delivered_certificate_id: Id | None = Field(description="Id of the certificate that was delivered last.")
    generation: int = Field(description="Counts changes of the desired state.")
    observed_generation: int = Field(description="The last generation that was delivered.")
    receipt: ReceiptOut | None = Field(description="What the destination answered last.")
    intent_at: datetime | None = Field(
        description="When the attempt began whose answer is outstanding: an object may be there."
    )
    attempts: int = Field(description="Attempts of the present generation.")
    last_error: FailureOut | None = Field(description="The last failed attempt, until one succeeds.")
    next_try_at: datetime | None = Field(description="When the next attempt is due.")
    slot_at: datetime | None = Field(description="The time that the connection's rate limit reserved for it.")
    delivered_at: datetime | None = Field(description="When it was delivered last.")
    verified_at: datetime | None = Field(description="When it was last read back and found right.")
    observed: ObservationOut | None = Field(description="What was found there last.")
    served: list[ProbeOut] = Field(description="Whether it is served, by each probe of the sync.")

    @classmethod
    def about(cls, row: Delivery, sync: Sync, common_name: str, served: Sequence[ShownProbe]) -> Self:
        """From a delivery, its sync, the name of its certificate, and its probes."""
        return cls.of(
            row,
            served=[ProbeOut.about(each) for each in served],
            sync=sync.slug,
            destination=sync.destination,
            application_id=sync.application_id,
            common_name=common_name,
            observed=_observation(row.observed),
        )


class DeliveryList(Listing[DeliveryOut]):
    """Deliveries, newest first."""


class RetirementOut(Out):
    """An object that is to be removed from its destination, or has been."""

    id: Id = Field(description="Id of the retirement.")
    created_at: datetime = Field(description="When it was decided.")
    application_id: Id | None = Field(description="Id of its Application; null in the legacy scope.")
    delivery_id: Id = Field(description="Id of the delivery that put the object there.")
    lineage_id: Id = Field(description="Id of the lineage.")
    certificate_id: Id = Field(description="Id of the certificate in the object.")
    sync: str = Field(description="Slug of the sync.")
    destination: str = Field(description="Name of the destination plugin.")
    object_name: str = Field(description="What the object is called at the destination.")
    reference: str = Field(description="The destination's own name for the object.")
    reason: RetirementReason = Field(description="Why it is removed.")
    status: RetirementStatus = Field(description="Whether it is removed, or why not.")
    planned: bool = Field(description="Whether it still waits for its time.")
    remove_at: datetime = Field(description="When it is removed.")
    attempts: int = Field(description="Attempts so far.")
    last_error: FailureOut | None = Field(description="The last failed attempt.")
    next_try_at: datetime | None = Field(description="When the next attempt is due.")
    removed_at: datetime | None = Field(description="When it was removed.")

    @classmethod
    def about(cls, row: Retirement, delivery: Delivery, sync: Sync) -> Self:
        """From a retirement, its delivery and its sync."""
        return cls.of(
            row,
            planned=row.status == RetirementStatus.WAITING,
            object_name=delivery.object_name,
            lineage_id=delivery.lineage_id,
            sync=sync.slug,
            destination=sync.destination,
            application_id=sync.application_id,
        )


class RetirementList(Listing[RetirementOut]):
    """Retirements, newest first."""


def _observation(stored: dict[str, Any] | None) -> dict[str, Any] | None:
    """The parts that the API names: a plugin's observation may have more."""
    if stored is None:
        return None
    return {name: stored[name] for name in ObservationOut.model_fields if name in stored}

"""All use cases of one process, built once from one kernel."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from certrail.services.alerting import Notifications, fan_out
from certrail.services.alerts import Alerts
from certrail.services.applications import Applications
from certrail.services.approval_policies import ApprovalPolicies
from certrail.services.approvals import Approvals
from certrail.services.authorities import Authorities
from certrail.services.callback_refusals import CallbackRefusals
from certrail.services.channels import Channels
from certrail.services.chat import Chat
from certrail.services.connections import Connections
from certrail.services.deletion import Deletions
from certrail.services.deliveries import Deliveries
from certrail.services.digests import DigestSweep
from certrail.services.expiry import ExpirySweep
from certrail.services.export import Export
from certrail.services.housekeeping import Housekeeping
from certrail.services.identities import Identities
from certrail.services.imports import Imports
from certrail.services.incidents import Incidents
from certrail.services.inventory import Inventory
from certrail.services.issuance import Issuance
from certrail.services.kernel import Kernel
from certrail.services.mirrors import Mirrors
from certrail.services.outbox import Outbox
from certrail.services.product import Product
from certrail.services.questions import Questions
from certrail.services.record import Record
from certrail.services.renewal_sweep import RenewalSweep
from certrail.services.renewals import Renewals
from certrail.services.requests import Requests
from certrail.services.retirements import Retirements
from certrail.services.revocation import Revocation
from certrail.services.sealing import Sealing
from certrail.services.sessions import Sessions
from certrail.services.shared_watch import SharedWatch
from certrail.services.syncs import Syncs
from certrail.services.tokens import Tokens
from certrail.services.views import InventoryViews

Sweeps = Mapping[str, Callable[[], int]]
"""By kind: handle some of what is due by the clock, and say how much; 0 when nothing is due."""


@dataclass(frozen=True)
class Services:
    """Every use case, by noun."""

    kernel: Kernel
    alerts: Alerts
    applications: Applications
    approval_policies: ApprovalPolicies
    approvals: Approvals
    authorities: Authorities
    channels: Channels
    chat: Chat
    connections: Connections
    deletions: Deletions
    deliveries: Deliveries
    export: Export
    identities: Identities
    imports: Imports
    incidents: Incidents
    inventory: Inventory
    issuance: Issuance
    mirrors: Mirrors
    notifications: Notifications
    outbox: Outbox
    product: Product
    questions: Questions
    record: Record
    renewals: Renewals
    requests: Requests
    retirements: Retirements
    revocation: Revocation
    sealing: Sealing
    sessions: Sessions
    sweeps: Sweeps
    syncs: Syncs
    tokens: Tokens
    views: InventoryViews

    @classmethod
    def build(cls, kernel: Kernel) -> "Services":
        """Join the use cases, and the alerts to the record of events."""
        kernel.on_event = fan_out
        approvals = Approvals(kernel)
        refusals = CallbackRefusals(kernel)
        incidents = Incidents(kernel)
        issuance = Issuance(kernel)
        retirements = Retirements(kernel)
        revocation = Revocation(kernel)
        return cls(
            kernel=kernel,
            alerts=Alerts(kernel),
            applications=Applications(kernel),
            approval_policies=ApprovalPolicies(kernel),
            approvals=approvals,
            authorities=Authorities(kernel),
            channels=Channels(kernel),
            chat=Chat(kernel, approvals, refusals),
            connections=Connections(kernel),
            deletions=Deletions(kernel),
            deliveries=Deliveries(kernel),
            export=Export(kernel),
            identities=Identities(kernel),
            imports=Imports(kernel),
            incidents=incidents,
            inventory=Inventory(kernel),
            issuance=issuance,
            mirrors=Mirrors(kernel),
            notifications=Notifications(kernel),
            outbox=Outbox(kernel),
            product=Product(kernel),
            questions=Questions(kernel),
            record=Record(kernel.db, kernel.keyring),
            renewals=Renewals(kernel),
            requests=Requests(kernel),
            retirements=retirements,
            revocation=revocation,
            sealing=Sealing(kernel),
            sessions=Sessions(kernel),
            sweeps={
                "digests": DigestSweep(kernel).run,
                "expiry": ExpirySweep(kernel).run,
                "housekeeping": Housekeeping(kernel, refusals).run,
                "incidents": incidents.escalate,
                "renewals": RenewalSweep(kernel, issuance).run,
                "retirements": retirements.release,
                "revocation-lists": revocation.refresh,
                "shared": SharedWatch(kernel).run,
            },
            syncs=Syncs(kernel),
            tokens=Tokens(kernel),
            views=InventoryViews(kernel),
        )

"""All use cases of one process, built once from one kernel."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from certrail.services.access.principals import Identities
from certrail.services.access.sessions import Sessions
from certrail.services.access.tokens import Tokens
from certrail.services.alerting.alerts import Alerts
from certrail.services.alerting.channels import Channels
from certrail.services.alerting.digests import DigestSweep
from certrail.services.alerting.expiry import ExpirySweep
from certrail.services.alerting.incidents import Incidents
from certrail.services.alerting.notifications import Notifications, fan_out
from certrail.services.approvals.callback_refusals import CallbackRefusals
from certrail.services.approvals.chat import Chat
from certrail.services.approvals.policies import ApprovalPolicies
from certrail.services.approvals.questions import Questions
from certrail.services.approvals.votes import Approvals
from certrail.services.authorities.authorities import Authorities
from certrail.services.authorities.crl_mirrors import Mirrors
from certrail.services.catalog.profiles import Product
from certrail.services.core.audit_log import Record
from certrail.services.core.outbox import Outbox
from certrail.services.core.unit_of_work import Kernel
from certrail.services.delivery.deliveries import Deliveries
from certrail.services.delivery.retirements import Retirements
from certrail.services.delivery.syncs import Syncs
from certrail.services.integrations.connections import Connections
from certrail.services.inventory.export import Export
from certrail.services.inventory.saved_searches import InventoryViews
from certrail.services.inventory.search import Inventory
from certrail.services.issuance.imports import Imports
from certrail.services.issuance.issuance import Issuance
from certrail.services.issuance.requests import Requests
from certrail.services.lifecycle.renewal_sweep import RenewalSweep
from certrail.services.lifecycle.renewals import Renewals
from certrail.services.lifecycle.revocation import Revocation
from certrail.services.operations.expiry_watch import SharedWatch
from certrail.services.operations.housekeeping import Housekeeping
from certrail.services.operations.key_rotation import Sealing
from certrail.services.tenancy.applications import Applications
from certrail.services.tenancy.deletion import Deletions

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

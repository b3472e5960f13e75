"""All use cases of one process, built once from one service context."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

from certrail.domain.events import Event
from certrail.domain.events.access import GroupJoined, GroupLeft, PrincipalActivated, PrincipalDeactivated
from certrail.domain.events.catalog import ProfileUpdated
from certrail.domain.events.integrations import ConnectionUpdated
from certrail.services.access.principals import Principals
from certrail.services.access.saved_views import SavedViews
from certrail.services.access.sessions import Sessions
from certrail.services.access.sign_in_links import SignInLinks
from certrail.services.access.tokens import Tokens
from certrail.services.alerting.alerts import Alerts
from certrail.services.alerting.channels import Channels
from certrail.services.alerting.digests import DigestSweep
from certrail.services.alerting.expiry import ExpirySweep
from certrail.services.alerting.incidents import Incidents
from certrail.services.alerting.notifications import fan_out
from certrail.services.alerting.notify import NotifyEffect
from certrail.services.alerting.open_objects import NOTIFICATIONS
from certrail.services.approvals.chat import Chat
from certrail.services.approvals.message_effect import RefreshStep
from certrail.services.approvals.messages import ApprovalMessages
from certrail.services.approvals.open_objects import APPROVAL_MESSAGES
from certrail.services.approvals.policies import ApprovalPolicies
from certrail.services.approvals.subject import SubjectType
from certrail.services.approvals.subscribers import membership_changed, principal_switched
from certrail.services.approvals.votes import Approvals
from certrail.services.authorities.authorities import Authorities
from certrail.services.authorities.crl_mirrors import Mirrors
from certrail.services.authorities.crl_publication import PublishEffect
from certrail.services.authorities.open_objects import CRL_COPIES
from certrail.services.authorities.status import StatusResponder
from certrail.services.catalog.profiles import Catalog
from certrail.services.core.audit_log import AuditLog
from certrail.services.core.effects import PluginStep
from certrail.services.core.names import Names
from certrail.services.core.outbox import OpenObjects, Outbox
from certrail.services.core.refusal_counter import RefusalCounter
from certrail.services.core.subscriptions import Handler, Subscriptions
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.delivery.batch import DeliveryBatch
from certrail.services.delivery.deliveries import Deliveries
from certrail.services.delivery.deploy import DeployEffect
from certrail.services.delivery.open_objects import DELIVERIES, REMOVALS
from certrail.services.delivery.probes.looks import Probes
from certrail.services.delivery.remove import RemoveEffect
from certrail.services.delivery.retirements import Retirements
from certrail.services.delivery.subscribers import connection_updated
from certrail.services.delivery.syncs import Syncs
from certrail.services.delivery.verify import VerifyStep
from certrail.services.enrollment.acme.accounts import AcmeAccounts
from certrail.services.enrollment.acme.authorizations import AcmeAuthorizations
from certrail.services.enrollment.acme.external_accounts import ExternalAccountKeys
from certrail.services.enrollment.acme.finalization import AcmeFinalization
from certrail.services.enrollment.acme.nonces import AcmeNonces
from certrail.services.enrollment.acme.order_approvals import OrderApprovals
from certrail.services.enrollment.acme.order_subject import OrderSubjects
from certrail.services.enrollment.acme.orders import AcmeOrders
from certrail.services.enrollment.acme.renewal_info import AcmeRenewalInfo
from certrail.services.enrollment.acme.revocation import AcmeRevocation
from certrail.services.enrollment.acme.validation import AcmeValidation
from certrail.services.enrollment.agents import Agents
from certrail.services.enrollment.est import EstServer
from certrail.services.enrollment.methods import EnrollmentMethods
from certrail.services.enrollment.open_objects import VALIDATIONS
from certrail.services.enrollment.scep import ScepServer
from certrail.services.enrollment.secrets import EnrollmentSecrets
from certrail.services.integrations.connections import Connections
from certrail.services.integrations.event_feed import EventFeed
from certrail.services.integrations.plugin_faults import PluginFaults
from certrail.services.integrations.plugin_names import PluginNames
from certrail.services.integrations.plugin_threads import PluginThreads
from certrail.services.inventory.export import Export
from certrail.services.inventory.saved_searches import SavedSearches
from certrail.services.inventory.search import Inventory
from certrail.services.inventory.subscribers import profile_updated
from certrail.services.issuance.batch import IssuanceBatch
from certrail.services.issuance.imports import Imports
from certrail.services.issuance.issuance import Issuance
from certrail.services.issuance.open_objects import REQUESTS, REQUESTS_IN_ROUNDS
from certrail.services.issuance.requests import Requests
from certrail.services.issuance.subject import RequestSubjects
from certrail.services.issuance.synchronous import issue_approved
from certrail.services.lifecycle.advice import RenewalAdvice
from certrail.services.lifecycle.open_objects import RENEWALS, REVOCATIONS
from certrail.services.lifecycle.renewal_sweep import RenewalSweep
from certrail.services.lifecycle.renewal_waits import RenewalWaits
from certrail.services.lifecycle.renewals import Renewals
from certrail.services.lifecycle.revocation import Revocation
from certrail.services.lifecycle.revocation_subject import RevocationSubjects
from certrail.services.migration.placements import Placements
from certrail.services.operations.expiry_watch import ExpiryWatch
from certrail.services.operations.heartbeats import Heartbeats
from certrail.services.operations.housekeeping import Housekeeping
from certrail.services.operations.key_rotation import KeyRotation
from certrail.services.operations.metrics import Metrics
from certrail.services.operations.missing_plugins import MissingPlugins
from certrail.services.operations.object_ids import ObjectIds
from certrail.services.operations.reconciliation import Reconciliation
from certrail.services.tenancy.applications import Applications
from certrail.services.tenancy.deletion import Deletions

SUBSCRIPTIONS: Mapping[type[Event], Sequence[Handler[UnitOfWork]]] = {
    Event: [fan_out],
    PrincipalActivated: [principal_switched],
    PrincipalDeactivated: [principal_switched],
    GroupJoined: [membership_changed],
    GroupLeft: [membership_changed],
    ConnectionUpdated: [connection_updated],
    ProfileUpdated: [profile_updated],
}
"""Handlers by event, called inside the transaction that records it, in this order.

Alerts come first, so that a cause is notified before its consequences.
"""

OPEN_OBJECTS: Sequence[OpenObjects] = (
    REQUESTS,
    REQUESTS_IN_ROUNDS,
    RENEWALS,
    REVOCATIONS,
    VALIDATIONS,
    APPROVAL_MESSAGES,
    DELIVERIES,
    REMOVALS,
    NOTIFICATIONS,
    CRL_COPIES,
)
"""What needs a workflow, in the order in which it is started again: decisions before their consequences."""

Sweeps = Mapping[str, Callable[[], int]]
"""By kind: handle some due items, and return how many; 0 when nothing is due."""


@dataclass(frozen=True)
class Effects:
    """Every plugin verb that certrail calls; each becomes an activity."""

    deliver: DeployEffect
    mirror: PublishEffect
    notify: NotifyEffect
    refresh_approval_message: RefreshStep
    remove: RemoveEffect
    verify: VerifyStep

    @classmethod
    def build(cls, context: ServiceContext, messages: ApprovalMessages) -> "Effects":
        """All of them on one context."""
        return cls(
            deliver=DeployEffect(context),
            mirror=PublishEffect(context),
            notify=NotifyEffect(context),
            refresh_approval_message=RefreshStep(messages),
            remove=RemoveEffect(context),
            verify=VerifyStep(context),
        )

    def all(self) -> Sequence[PluginStep]:
        """Every verb."""
        return [getattr(self, field.name) for field in fields(self)]

    def open_objects(self) -> Sequence[tuple[OpenObjects, PluginStep]]:
        """What waits for each verb that changes something outside."""
        return (
            (DELIVERIES, self.deliver),
            (REMOVALS, self.remove),
            (NOTIFICATIONS, self.notify),
            (APPROVAL_MESSAGES, self.refresh_approval_message),
            (CRL_COPIES, self.mirror),
        )


@dataclass(frozen=True)
class Services:
    """Every use case, by noun."""

    context: ServiceContext
    acme_accounts: AcmeAccounts
    acme_authorizations: AcmeAuthorizations
    acme_finalization: AcmeFinalization
    acme_nonces: AcmeNonces
    acme_orders: AcmeOrders
    acme_renewal_info: AcmeRenewalInfo
    acme_revocation: AcmeRevocation
    acme_validation: AcmeValidation
    alerts: Alerts
    applications: Applications
    approval_messages: ApprovalMessages
    approval_policies: ApprovalPolicies
    approvals: Approvals
    audit_log: AuditLog
    authorities: Authorities
    catalog: Catalog
    channels: Channels
    chat: Chat
    connections: Connections
    deletions: Deletions
    deliveries: Deliveries
    delivery_batch: DeliveryBatch
    effects: Effects
    enrollment_methods: EnrollmentMethods
    enrollment_secrets: EnrollmentSecrets
    agents: Agents
    est_server: EstServer
    event_feed: EventFeed
    export: Export
    external_account_keys: ExternalAccountKeys
    heartbeats: Heartbeats
    imports: Imports
    incidents: Incidents
    inventory: Inventory
    issuance: Issuance
    issuance_batch: IssuanceBatch
    key_rotation: KeyRotation
    metrics: Metrics
    mirrors: Mirrors
    names: Names
    object_ids: ObjectIds
    outbox: Outbox
    plugin_faults: PluginFaults
    plugin_names: PluginNames
    plugin_threads: PluginThreads
    principals: Principals
    probes: Probes
    reconciliation: Reconciliation
    refusal_counter: RefusalCounter
    renewal_advice: RenewalAdvice
    renewal_waits: RenewalWaits
    renewals: Renewals
    requests: Requests
    retirements: Retirements
    revocation: Revocation
    saved_searches: SavedSearches
    saved_views: SavedViews
    placements: Placements
    scep_server: ScepServer
    sessions: Sessions
    sign_in_links: SignInLinks
    status_responder: StatusResponder
    sweeps: Sweeps
    syncs: Syncs
    tokens: Tokens

    @classmethod
    def build(cls, context: ServiceContext) -> "Services":
        """Join the use cases, and subscribe rooms to the events of those below them."""
        context.subscriptions = Subscriptions(SUBSCRIPTIONS)
        subjects: Sequence[SubjectType] = (
            RequestSubjects(issue_approved),
            RevocationSubjects(),
            OrderSubjects(),
        )
        context.approval_subjects = {subject.name: subject for subject in subjects}
        acme_accounts, revocation = AcmeAccounts(context), Revocation(context)
        approvals = Approvals(context)
        refusal_counter = RefusalCounter(context)
        incidents = Incidents(context)
        issuance = Issuance(context)
        plugin_faults, expiry_watch = PluginFaults(context), ExpiryWatch(context)
        plugin_threads = PluginThreads(context, plugin_faults)
        approval_messages = ApprovalMessages(context)
        effects = Effects.build(context, approval_messages)
        missing_plugins = MissingPlugins(context, effects.open_objects())
        retirements, probes = Retirements(context), Probes(context)
        status_responder = StatusResponder(context)
        inventory, enrollment_secrets = Inventory(context), EnrollmentSecrets(context)
        return cls(
            context=context,
            acme_accounts=acme_accounts,
            acme_authorizations=AcmeAuthorizations(context, acme_accounts),
            acme_finalization=AcmeFinalization(context, acme_accounts),
            acme_nonces=AcmeNonces(context),
            acme_orders=AcmeOrders(context, acme_accounts),
            acme_renewal_info=AcmeRenewalInfo(context),
            acme_revocation=AcmeRevocation(context, acme_accounts, revocation),
            acme_validation=AcmeValidation(context),
            alerts=Alerts(context),
            applications=Applications(context),
            approval_messages=approval_messages,
            approval_policies=ApprovalPolicies(context),
            approvals=approvals,
            audit_log=AuditLog(context.db, context.keyring, context.audit_witness),
            authorities=Authorities(context),
            catalog=Catalog(context),
            channels=Channels(context),
            chat=Chat(context, approvals, refusal_counter, plugin_threads),
            connections=Connections(context),
            deletions=Deletions(context),
            deliveries=Deliveries(context),
            delivery_batch=DeliveryBatch(context, effects.deliver),
            effects=effects,
            enrollment_methods=EnrollmentMethods(context),
            enrollment_secrets=enrollment_secrets,
            agents=Agents(context),
            est_server=EstServer(context, enrollment_secrets, inventory),
            event_feed=EventFeed(context),
            export=Export(context),
            external_account_keys=ExternalAccountKeys(context),
            heartbeats=Heartbeats(context),
            imports=Imports(context),
            incidents=incidents,
            inventory=inventory,
            issuance=issuance,
            issuance_batch=IssuanceBatch(context, issuance),
            key_rotation=KeyRotation(context),
            metrics=Metrics(context),
            mirrors=Mirrors(context),
            names=Names(context),
            object_ids=ObjectIds(context),
            outbox=Outbox(context),
            plugin_faults=plugin_faults,
            plugin_names=PluginNames(context),
            plugin_threads=plugin_threads,
            principals=Principals(context),
            probes=probes,
            reconciliation=Reconciliation(context, OPEN_OBJECTS),
            refusal_counter=refusal_counter,
            renewal_advice=RenewalAdvice(context),
            renewal_waits=RenewalWaits(context, issuance),
            renewals=Renewals(context),
            requests=Requests(context),
            retirements=retirements,
            revocation=revocation,
            saved_searches=SavedSearches(context),
            saved_views=SavedViews(context),
            placements=Placements(context),
            scep_server=ScepServer(context, enrollment_secrets),
            sessions=Sessions(context),
            sign_in_links=SignInLinks(context),
            status_responder=status_responder,
            sweeps={
                "digests": DigestSweep(context).run,
                "expiry": ExpirySweep(context).run,
                "housekeeping": Housekeeping(context).run,
                "incidents": incidents.escalate,
                "probes": probes.run,
                "renewals": RenewalSweep(context, issuance).run,
                "retirements": retirements.start_due,
                "revocation-lists": status_responder.refresh,
                "shared": lambda: (
                    expiry_watch.run()
                    + plugin_faults.close_quiet()
                    + missing_plugins.run()
                    + OrderApprovals(context).run()
                ),
            },
            syncs=Syncs(context),
            tokens=Tokens(context),
        )

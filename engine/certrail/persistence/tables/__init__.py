"""All tables, by name; a module a room."""

from certrail.persistence.tables.access import (
    AccessToken,
    BrowserSession,
    ChatIdentity,
    GroupMember,
    OidcIdentity,
    Principal,
    SignInLink,
)
from certrail.persistence.tables.acme import (
    AcmeAccount,
    AcmeAuthorization,
    AcmeChallenge,
    AcmeNonce,
    AcmeOrder,
    AcmeOrderApproval,
    ExternalAccountKey,
)
from certrail.persistence.tables.alerting import (
    Alert,
    AlertChannel,
    AlertCursor,
    Channel,
    Incident,
    NotificationRow,
)
from certrail.persistence.tables.approvals import (
    ActionToken,
    ActionTokenUse,
    ApprovalMessage,
    ApprovalPolicy,
    ApprovalPolicyProfile,
    ApprovalRequest,
    SeenCallback,
    Vote,
)
from certrail.persistence.tables.authorities import (
    CaCertificate,
    CaKey,
    CertificateAuthority,
    CompromisedKey,
    Crl,
    CrlCopy,
    CrlMirror,
    OcspSigner,
    RevocationTombstone,
)
from certrail.persistence.tables.catalog import (
    CertificatePolicy,
    CertificateProfile,
)
from certrail.persistence.tables.core import (
    AuditChainHead,
    EventRow,
    IdempotencyKeyRow,
    OutboxRow,
    ProcessHeartbeat,
    ReconciliationState,
    SchemaSupport,
    SweepFailure,
)
from certrail.persistence.tables.delivery import (
    Delivery,
    PreviousTarget,
    Probe,
    Retirement,
    Sync,
)
from certrail.persistence.tables.enrollment import (
    Agent,
    EnrollmentExchange,
    EnrollmentSecret,
    ScepRa,
)
from certrail.persistence.tables.integrations import (
    Connection,
    EventObserver,
    PluginFault,
    PluginHealthIssue,
)
from certrail.persistence.tables.inventory import (
    Certificate,
    CertificateSearchTerm,
    Lineage,
    SavedSearch,
)
from certrail.persistence.tables.issuance import (
    CertificateRequest,
    RemoteOrder,
)
from certrail.persistence.tables.lifecycle import RevocationRequest
from certrail.persistence.tables.ordering import follow_foreign_keys
from certrail.persistence.tables.tenancy import (
    Application,
    Enrollment,
    Membership,
    SavedView,
)

__all__ = [
    "AccessToken",
    "AcmeAccount",
    "AcmeAuthorization",
    "AcmeChallenge",
    "AcmeNonce",
    "AcmeOrder",
    "AcmeOrderApproval",
    "ActionToken",
    "ActionTokenUse",
    "Agent",
    "Alert",
    "AlertChannel",
    "AlertCursor",
    "Application",
    "ApprovalMessage",
    "ApprovalPolicy",
    "ApprovalPolicyProfile",
    "ApprovalRequest",
    "AuditChainHead",
    "BrowserSession",
    "CaCertificate",
    "CaKey",
    "Certificate",
    "CertificateAuthority",
    "CertificatePolicy",
    "CertificateProfile",
    "CertificateRequest",
    "CertificateSearchTerm",
    "Channel",
    "ChatIdentity",
    "CompromisedKey",
    "Connection",
    "Crl",
    "CrlCopy",
    "CrlMirror",
    "Delivery",
    "Enrollment",
    "EnrollmentExchange",
    "EnrollmentSecret",
    "EventObserver",
    "EventRow",
    "ExternalAccountKey",
    "GroupMember",
    "IdempotencyKeyRow",
    "Incident",
    "Lineage",
    "Membership",
    "NotificationRow",
    "OcspSigner",
    "OidcIdentity",
    "OutboxRow",
    "PluginFault",
    "PluginHealthIssue",
    "PreviousTarget",
    "Principal",
    "Probe",
    "ProcessHeartbeat",
    "ReconciliationState",
    "RemoteOrder",
    "Retirement",
    "RevocationRequest",
    "RevocationTombstone",
    "SavedSearch",
    "SavedView",
    "ScepRa",
    "SchemaSupport",
    "SeenCallback",
    "SignInLink",
    "SweepFailure",
    "Sync",
    "Vote",
]

follow_foreign_keys(globals()[name] for name in __all__)

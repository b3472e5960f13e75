"""All tables, by name; a module a room."""

from certrail.persistence.tables.access import (
    AccessToken,
    BrowserSession,
    ChatIdentity,
    GroupMember,
    OidcIdentity,
    Principal,
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
    ApprovalPolicy,
    ApprovalPolicyProfile,
    ApprovalRequest,
    QuestionCopy,
    QuestionToken,
    RefusedCallback,
    SeenCallback,
    TokenUse,
    Vote,
)
from certrail.persistence.tables.authorities import (
    CaCertificate,
    CaKey,
    CertificateAuthority,
    Crl,
    CrlCopy,
    CrlMirror,
    DeletedCertificate,
    OcspSigner,
)
from certrail.persistence.tables.catalog import (
    CertificatePolicy,
    CertificateProfile,
)
from certrail.persistence.tables.core import (
    EventRow,
    IdempotencyKey,
    OutboxRow,
    RecordHead,
    SweepTrouble,
)
from certrail.persistence.tables.delivery import (
    Delivery,
    FormerPlace,
    Retirement,
    Sync,
)
from certrail.persistence.tables.integrations import (
    Connection,
    PluginTrouble,
)
from certrail.persistence.tables.inventory import (
    Certificate,
    CertificateTerm,
    InventoryView,
    Lineage,
)
from certrail.persistence.tables.issuance import (
    CertificateRequest,
)
from certrail.persistence.tables.ordering import follow_foreign_keys
from certrail.persistence.tables.tenancy import (
    Application,
    ApplicationProfile,
    Membership,
)

__all__ = [
    "AccessToken",
    "Alert",
    "AlertChannel",
    "AlertCursor",
    "Application",
    "ApplicationProfile",
    "ApprovalPolicy",
    "ApprovalPolicyProfile",
    "ApprovalRequest",
    "BrowserSession",
    "CaCertificate",
    "CaKey",
    "Certificate",
    "CertificateAuthority",
    "CertificatePolicy",
    "CertificateProfile",
    "CertificateRequest",
    "CertificateTerm",
    "Channel",
    "ChatIdentity",
    "Connection",
    "Crl",
    "CrlCopy",
    "CrlMirror",
    "DeletedCertificate",
    "Delivery",
    "EventRow",
    "FormerPlace",
    "GroupMember",
    "IdempotencyKey",
    "Incident",
    "InventoryView",
    "Lineage",
    "Membership",
    "NotificationRow",
    "OcspSigner",
    "OidcIdentity",
    "OutboxRow",
    "PluginTrouble",
    "Principal",
    "QuestionCopy",
    "QuestionToken",
    "RecordHead",
    "RefusedCallback",
    "Retirement",
    "SeenCallback",
    "SweepTrouble",
    "Sync",
    "TokenUse",
    "Vote",
    "follow_foreign_keys",
]

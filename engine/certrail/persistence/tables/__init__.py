"""All tables, by name."""

from certrail.persistence.tables.access import (
    AccessToken,
    Application,
    ChatIdentity,
    GroupMember,
    Membership,
    Principal,
)
from certrail.persistence.tables.alerting import Alert, AlertChannel, Channel, NotificationRow
from certrail.persistence.tables.approvals import (
    ApprovalPolicy,
    ApprovalPolicyProfile,
    ApprovalRequest,
    QuestionCopy,
    QuestionToken,
    SeenCallback,
    TokenUse,
    Vote,
)
from certrail.persistence.tables.delivery import Connection, Delivery, Sync
from certrail.persistence.tables.pki import (
    ApplicationProfile,
    CaCertificate,
    CaKey,
    Certificate,
    CertificateAuthority,
    CertificatePolicy,
    CertificateProfile,
    CertificateRequest,
    Lineage,
)
from certrail.persistence.tables.record import EventRow, IdempotencyKey, OutboxRow, RecordHead

__all__ = [
    "AccessToken",
    "Alert",
    "AlertChannel",
    "Application",
    "ApplicationProfile",
    "ApprovalPolicy",
    "ApprovalPolicyProfile",
    "ApprovalRequest",
    "CaCertificate",
    "CaKey",
    "Certificate",
    "CertificateAuthority",
    "CertificatePolicy",
    "CertificateProfile",
    "CertificateRequest",
    "Channel",
    "ChatIdentity",
    "Connection",
    "Delivery",
    "EventRow",
    "GroupMember",
    "IdempotencyKey",
    "Lineage",
    "Membership",
    "NotificationRow",
    "OutboxRow",
    "Principal",
    "QuestionCopy",
    "QuestionToken",
    "RecordHead",
    "SeenCallback",
    "Sync",
    "TokenUse",
    "Vote",
]

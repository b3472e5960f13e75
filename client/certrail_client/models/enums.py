"""What the API takes and answers: enums.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from certrail_client.base import OpenEnum


class ChallengeType(OpenEnum):
    """How an ACME client shows that it controls a name. RFC 8555 section 8, RFC 8737 section 3, draft-
    ietf-acme-dns-account-label-03, draft-ietf-acme-dns-persist-02.
    """

    HTTP_01 = "http-01"
    DNS_01 = "dns-01"
    TLS_ALPN_01 = "tls-alpn-01"
    DNS_ACCOUNT_01 = "dns-account-01"
    DNS_PERSIST_01 = "dns-persist-01"


class KeyAlgorithm(OpenEnum):
    """Key algorithms that certrail makes and signs with."""

    RSA_2048 = "RSA_2048"
    RSA_3072 = "RSA_3072"
    RSA_4096 = "RSA_4096"
    EC_P256 = "EC_P256"
    EC_P384 = "EC_P384"
    EC_P521 = "EC_P521"
    ED25519 = "ED25519"


class KeyUsage(OpenEnum):
    """RFC 5280 section 4.2.1.3, without the bits of a CA."""

    DIGITAL_SIGNATURE = "digitalSignature"
    CONTENT_COMMITMENT = "contentCommitment"
    KEY_ENCIPHERMENT = "keyEncipherment"
    DATA_ENCIPHERMENT = "dataEncipherment"
    KEY_AGREEMENT = "keyAgreement"


class Permission(OpenEnum):
    """What a route may ask for. The part before the colon is the noun, `product.` ones are shared."""

    PRODUCT_READ = "product:read"
    PRODUCT_MANAGE = "product:manage"
    PRINCIPAL_MANAGE = "principal:manage"
    TOKEN_SELF = "token:self"
    PLUGIN_READ = "plugin:read"
    APPLICATION_CREATE = "application:create"
    APPLICATION_LIST = "application:list"
    APPLICATION_READ = "application:read"
    APPLICATION_EDIT = "application:edit"
    APPLICATION_DELETE = "application:delete"
    MEMBER_MANAGE = "member:manage"
    PROFILE_ATTACH = "profile:attach"
    ENROLLMENT_MANAGE = "enrollment:manage"
    REQUEST_CREATE = "request:create"
    REQUEST_READ = "request:read"
    REQUEST_CANCEL = "request:cancel"
    REQUEST_RETRY = "request:retry"
    CERTIFICATE_READ = "certificate:read"
    CERTIFICATE_KEY = "certificate:key"
    CERTIFICATE_IMPORT = "certificate:import"
    CERTIFICATE_EXPORT = "certificate:export"
    CERTIFICATE_RENEW = "certificate:renew"
    CERTIFICATE_REVOKE = "certificate:revoke"
    INVENTORY_READ = "inventory:read"
    VIEW_MANAGE = "view:manage"
    SYNC_READ = "sync:read"
    SYNC_MANAGE = "sync:manage"
    SYNC_TRIGGER = "sync:trigger"
    DELIVERY_RETRY = "delivery:retry"
    SERVED_REPORT = "served:report"
    ALERT_READ = "alert:read"
    ALERT_MANAGE = "alert:manage"
    INCIDENT_ACKNOWLEDGE = "incident:acknowledge"
    NOTIFICATION_REPLAY = "notification:replay"
    APPROVAL_POLICY_READ = "approval-policy:read"
    APPROVAL_POLICY_MANAGE = "approval-policy:manage"
    APPROVAL_READ = "approval:read"
    APPROVAL_VOTE = "approval:vote"
    EVENT_READ = "event:read"
    AUDIT_READ = "audit:read"


class PrincipalKind(OpenEnum):
    """What a principal is."""

    USER = "user"
    GROUP = "group"
    MACHINE = "machine"
    AGENT = "agent"
    ENROLLMENT = "enrollment"


class ProbeProtocol(OpenEnum):
    """How TLS begins."""

    TLS = "tls"
    SMTP = "smtp"
    IMAP = "imap"
    POSTGRESQL = "postgresql"


class Reason(OpenEnum):
    """Why a certificate is revoked (RFC 5280 section 5.3.1), but for reasons that only authorities have."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    CERTIFICATE_HOLD = "certificateHold"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"


class RequestOrigin(OpenEnum):
    """What a certificate request came from."""

    API = "api"
    RENEWAL = "renewal"
    ACME = "acme"
    EST = "est"
    SCEP = "scep"


class RequestStatus(OpenEnum):
    """Of a certificate request."""

    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    ISSUING = "issuing"
    ISSUED = "issued"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"


class Role(OpenEnum):
    """A role inside one Application."""

    ADMIN = "admin"
    OPERATOR = "operator"
    AUDITOR = "auditor"


class SignatureAlgorithm(OpenEnum):
    """Signature algorithms of issued certificates; the issuer's key decides which one it is."""

    RSA_SHA256 = "RSA_SHA256"
    ECDSA_SHA256 = "ECDSA_SHA256"
    ECDSA_SHA384 = "ECDSA_SHA384"
    ECDSA_SHA512 = "ECDSA_SHA512"
    ED25519 = "ED25519"

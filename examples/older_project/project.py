"""A project as a team had it before there were Applications: fifty certificates, four syncs, three alerts.

Its certificates are of all ages; some are due to be renewed, and some had their day: renewed, revoked or on hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Json = dict[str, Any]


@dataclass(frozen=True)
class Issuer:
    """A certificate that signs others."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        """As the export holds it."""
        return self.certificate.public_bytes(Encoding.PEM).decode()


def project(
    folder: str,
    connections: Mapping[str, Json] | None = None,
    *,
    web: int = 27,
    internal: int = 15,
    foreign: int = 5,
    past: bool = True,
) -> Json:
    """The export.

    Args:
        folder: where the `files` syncs put certificates.
        connections: by slug, configurations to use in the place of the made-up ones.
        web, internal, foreign: how many certificates of each kind; foreign ones have no profile and no key.
        past: whether there are three more, which are not in use any more.
    """
    root = _authority("Acme Root", None)
    issuing = _authority("Acme Issuing", root)
    stranger = _authority("Somebody Else", None)
    certificates = [
        *(
            _leaf(f"web-{n:02}", "shop.acme.example", issuing, [root], "acme-web", 47, age=n % 20)
            for n in range(web)
        ),
        *(
            _leaf(f"int-{n:02}", "int.acme.example", issuing, [root], "acme-internal", 7, age=n % 7)
            for n in range(internal)
        ),
        *(_leaf(f"ext-{n:02}", "partner.example", stranger, [], None, 30) for n in range(foreign)),
        *(_past(issuing, root) if past else ()),
    ]
    return {
        "format": "certrail-project-export",
        "version": 1,
        "project": {"slug": "acme", "name": "Acme"},
        "members": _members(),
        "authorities": [
            _shown("acme-root", "Acme Root", root, []),
            _shown("acme-issuing", "Acme Issuing", issuing, [root]) | _lists(),
        ],
        "policies": [
            {
                "slug": "acme-servers",
                "name": "Servers of Acme",
                "rules": {"sans": {"dns": {"allowed": ["*.acme.example"]}}, "key_algorithms": ["EC_P256"]},
            },
            {
                "slug": "acme-devices",
                "name": "Devices of Acme",
                "rules": {"sans": {"dns": {"allowed": ["*.dev.acme.example"]}}},
            },
        ],
        "profiles": [
            _profile("acme-web", "47d", acme={"enabled": True}),
            _profile("acme-internal", "7d"),
            _profile("acme-devices", "30d", "acme-devices", est={"enabled": True}, scep={"enabled": True}),
        ],
        "connections": _connections(folder, connections or {}),
        "channels": [
            {
                "slug": "ops",
                "name": "Operations",
                "notifier": "email",
                "connection": "acme-mail",
                "config": {"sender": "certs@acme.example", "recipients": ["ops@acme.example"]},
            },
            {
                "slug": "questions",
                "name": "#certificates",
                "notifier": "slack",
                "connection": "acme-slack",
                "config": {"channel": "#certificates"},
            },
        ],
        "certificates": certificates,
        "approval_policies": [
            {
                "slug": "web",
                "name": "Web certificates",
                "profiles": ["acme-web"],
                "steps": [
                    {"name": "Platform", "approvers": ["platform"], "channels": ["questions"]},
                    {"name": "Security", "approvers": ["grace"]},
                ],
                "request_ttl": "7d",
            },
            {
                "slug": "internal",
                "name": "Internal certificates",
                "profiles": ["acme-internal"],
                "steps": [{"name": "Platform", "approvers": ["platform"], "quorum": 1}],
                "bypass_machine_identities": True,
            },
        ],
        "syncs": _syncs(),
        "alerts": [
            _alert("new", "New certificates", "certificate.issued", "certificate.renewed"),
            _alert("trouble", "Trouble", "delivery.failed", "request.failed", "certificate.renewal_failed"),
            _alert("imports", "Imports", "certificate.imported") | {"enabled": False},
        ],
    }


def _members() -> list[Json]:
    people = (("ada", "Ada", "operator"), ("grace", "Grace", "admin"), ("linus", "Linus", "auditor"))
    users = [
        {"kind": "user", "slug": slug, "name": name, "email": f"{slug}@acme.example", "role": role}
        for slug, name, role in people
    ]
    pipeline = {"kind": "machine", "slug": "pipeline", "name": "Deployment pipeline", "role": "operator"}
    group = {"kind": "group", "slug": "platform", "name": "Platform team", "members": ["ada", "grace"]}
    return [*users, pipeline, {**group, "role": "operator"}]


def _profile(slug: str, ttl: str, policy: str = "acme-servers", **methods: Json) -> Json:
    return {
        "slug": slug,
        "name": slug.capitalize(),
        "ca": "acme-issuing",
        "policy": policy,
        "ttl": ttl,
        "enrollment": {"api": {"enabled": True}, **methods},
    }


def _connections(folder: str, given: Mapping[str, Json]) -> list[Json]:
    made_up: dict[str, tuple[str, Json]] = {
        "acme-hosts": ("folder", {"root": folder}),
        "acme-cloud": ("aws", {"region": "eu-central-1"}),
        "acme-mail": ("smtp", {"host": "mail.acme.example", "port": 587}),
        "acme-slack": (
            "slack",
            {"bot_token": "xoxb-000-example", "signing_secret": "0123456789abcdef0123456789abcdef"},
        ),
    }
    return [
        {"slug": slug, "name": slug, "type": type_, "config": given.get(slug, config)}
        for slug, (type_, config) in made_up.items()
    ]


def _syncs() -> list[Json]:
    hosts = {"destination": "files", "connection": "acme-hosts"}
    return [
        {
            "slug": "hosts-web",
            "name": "Web hosts",
            **hosts,
            "selection": {"profiles": ["acme-web"], "metadata": {"tier": "front"}},
            "name_schema": "{{common_name}}-{{short_certificate_id}}",
        },
        {
            "slug": "hosts-internal",
            "name": "Internal hosts",
            **hosts,
            "selection": {"profiles": ["acme-internal"]},
            "name_schema": "int-{{short_certificate_id}}",
        },
        {
            "slug": "balancer",
            "name": "Load balancer",
            "destination": "aws-acm",
            "connection": "acme-cloud",
            "selection": {"certificates": ["web-00"]},
            "delivered": [
                {
                    "certificate": "web-00",
                    "object_name": "web-00",
                    "reference": "arn:aws:acm:eu-central-1:123456789012:certificate/"
                    "00000000-0000-0000-0000-000000000000",
                }
            ],
        },
        {
            "slug": "archive",
            "name": "Archive",
            **hosts,
            "selection": {"certificates": ["ext-00"]},
            "name_schema": "archive-{{short_certificate_id}}",
            "auto": False,
        },
    ]


def _alert(slug: str, name: str, *events: str) -> Json:
    return {"slug": slug, "name": name, "events": list(events), "channels": ["ops"]}


def _shown(slug: str, name: str, issuer: Issuer, above: list[Issuer]) -> Json:
    chain = "".join(one.pem for one in above)
    return {
        "slug": slug,
        "name": name,
        "certificate": issuer.pem,
        "chain": chain,
        "private_key": _pkcs8(issuer.key),
    }


def _past(issuing: Issuer, root: Issuer) -> list[Json]:
    """Renewed, revoked, and on hold."""
    renewed = _leaf("web-00", "shop.acme.example", issuing, [root], "acme-web", 47, age=32)
    lost = _leaf("lost", "shop.acme.example", issuing, [root], "acme-web", 47, age=40)
    idle = _leaf("idle", "int.acme.example", issuing, [root], "acme-internal", 7, age=6)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="seconds")
    return [
        renewed | {"id": "web-00-before", "renewed_by": "web-00"},
        lost | {"status": "revoked", "revoked_at": yesterday, "revocation_reason": "keyCompromise"},
        idle | {"status": "held", "revoked_at": yesterday},
    ]


def _lists() -> Json:
    """What the authority's revocation lists said up to now, besides the certificates that are in the export."""
    last_year = (datetime.now(UTC) - timedelta(days=365)).isoformat(timespec="seconds")
    gone = {"serial": "5eedface", "revoked_at": last_year, "reason": "cessationOfOperation"}
    return {"crl_number": 41, "revoked": [gone]}


def _leaf(
    ident: str,
    domain: str,
    issuer: Issuer,
    above: list[Issuer],
    profile: str | None,
    days: int,
    age: int = 0,
) -> Json:
    key = ec.generate_private_key(ec.SECP256R1())
    host = f"{ident}.{domain}"
    builder = _builder(host, key, issuer.certificate.subject, timedelta(days=days), age)
    certificate = (
        builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .sign(issuer.key, hashes.SHA256())
    )
    made: Json = {
        "id": ident,
        "certificate": certificate.public_bytes(Encoding.PEM).decode(),
        "chain": "".join(one.pem for one in (issuer, *above)),
        "metadata": {"tier": "front"} if ident in ("web-00", "web-01") else {},
    }
    return made | ({"profile": profile, "private_key": _pkcs8(key)} if profile else {})


def _authority(name: str, above: Issuer | None) -> Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = above or Issuer(None, key)  # type: ignore[arg-type]  # signs itself
    certificate = (
        _builder(name, key, above.certificate.subject if above else subject, timedelta(days=1800))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0 if above else None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(signer.key, hashes.SHA256())
    )
    return Issuer(certificate, key)


def _builder(
    common_name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Name, lifetime: timedelta, age: int = 0
) -> x509.CertificateBuilder:
    begins = datetime.now(UTC).replace(microsecond=0) - timedelta(days=age, hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + lifetime)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pkcs8(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()

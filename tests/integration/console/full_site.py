"""What `site` lacks: one of everything else that has a page, or a row of one."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.console.outside import canary
from tests.integration.folder_world import REFUSED

from certrail.domain.approval import GuardedAction
from certrail.domain.content import Subject
from certrail.domain.enrollment import EnrollmentMethod
from certrail.domain.renewal import Advice
from certrail.domain.search import CertificateFilter
from certrail.persistence.tables import AcmeAccount, Delivery, NotificationRow
from certrail.pki.parse import from_pem_text
from certrail.pki.revocation import Reason
from certrail.services.access.viewed_lists import ViewedList
from certrail.services.approvals.policies import Step
from certrail.services.core.actor import SYSTEM
from certrail.services.delivery.retirement_planner import RetirementReason, retire
from certrail.services.enrollment.secrets import SecretKind
from certrail.services.integrations.plugin_faults import CallFault
from certrail_sdk import Receipt


def complete(team: Team) -> None:
    """Add groups, tokens, clients of every method, a plugin in quarantine, and certificates in other states."""
    services, admin, app = team.services, team.admin, team.application
    services.principals.create(admin, kind="group", slug="owners", name="Owners", members=["ann"])
    services.principals.create(admin, kind="machine", slug="robot", name="Robot")
    services.tokens.issue(admin, "robot", name="Of the robot")
    for who in ("above", "ann", "yan"):
        services.tokens.issue(team.actor(who), who, name="Of mine")
    for method in (EnrollmentMethod.ACME, EnrollmentMethod.EST, EnrollmentMethod.SCEP):
        services.applications.set_enrollment(admin, app, "web", method)
    services.external_account_keys.create(admin, app, "web", "key")
    services.enrollment_secrets.create(admin, app, "web", SecretKind.PASSPHRASE, name="secret")
    services.agents.create(admin, app, "web", name="agent", names=["a.example.com"])
    services.saved_searches.create(admin, app, slug="soon", name="Soon", wanted=CertificateFilter())
    services.saved_views.keep(
        team.actor("above"), None, list_=ViewedList.PRINCIPALS, name="Groups", filter_={"kind": "group"}
    )
    services.plugin_faults.record(
        CallFault("destination-files", "1", "deliver", "held the loop", harmful=True)
    )
    services.imports.take(admin, app, from_pem_text(_self_signed(canary("certificate.names"), team.clock())))
    services.catalog.create_profile(
        admin, slug="spare", name="Spare", ca="root", policy="tls", ttl=timedelta(days=30)
    )
    services.applications.attach_profile(admin, app, "spare")
    for number, reason in enumerate((Reason.SUPERSEDED, Reason.CERTIFICATE_HOLD)):
        content = {"sans": {"dns": [f"revoked{number}.example.com"]}}
        request = services.requests.submit(admin, app, profile="spare", content=content)
        services.issuance.advance(request.id)
        certificate = services.requests.get(request.id).certificate_id
        services.revocation.revoke(admin, certificate or "", reason)
    own = _issued_to(team, "ann", "key.example.com"), _issued_to(team, "ann", "ends.example.com")
    team.guard(Step("Two", ("ann", "bob"), 2), profiles=["spare"], guards=tuple(GuardedAction))
    services.revocation.revoke(team.actor("above"), own[1], Reason.SUPERSEDED)
    _add_authorities(team)
    _add_of_the_product(team)
    with services.context.unit_of_work(SYSTEM) as uow:
        delivery = uow.session.exec(select(Delivery)).all()[-1]
        receipt = Receipt(reference="/there", fingerprint="0" * 64, changed=True)
        delivery.receipt, delivery.delivered_at = receipt.model_dump(mode="json"), uow.now
        delivery.delivered_certificate_id = delivery.desired_certificate_id
        removal = retire(uow, delivery, RetirementReason.ENDED, uow.now)
        message = uow.session.exec(select(NotificationRow)).first()
        assert removal
        assert message
        removal.last_error = message.last_error = REFUSED.stored(uow.now)
        profile = services.catalog.profile("web").id
        (account,) = (row for row in services.principals.list() if row.slug == "robot")
        uow.session.add(
            AcmeAccount(
                id=uow.new_id(),
                created_at=uow.now,
                scope=app,
                application_id=app,
                profile_id=profile,
                principal_id=account.id,
                jwk={},
                thumbprint="thumbprint",
                contacts=["mailto:ann@example.com"],
            )
        )
    content = {"sans": {"dns": ["twice.example.com"]}}
    waits = services.requests.submit(admin, app, profile="spare", content=content)
    approval = services.approvals.of_subject(waits.id)
    assert approval
    services.approvals.vote(team.actor("bob"), approval.id, "approve", "Ordered.")


def _issued_to(team: Team, who: str, name: str) -> str:
    """The certificate of a request of somebody."""
    content = {"sans": {"dns": [name]}}
    row = team.services.requests.submit(team.actor(who), team.application, profile="spare", content=content)
    team.services.issuance.advance(row.id)
    return team.services.requests.get(row.id).certificate_id or ""


def _add_authorities(team: Team) -> None:
    """One below the root that advises to renew, one that waits for its certificate, and a mirror."""
    authorities, admin = team.services.authorities, team.admin
    subject = Subject(common_name="Below")
    authorities.create_intermediate(admin, slug="issuing", name="Issuing", subject=subject, parent="root")
    authorities.create_intermediate(admin, slug="waiting", name="Waiting", subject=subject, parent=None)
    advice = Advice(begins=team.clock() + timedelta(days=1), ends=team.clock() + timedelta(days=2))
    team.services.renewal_advice.advise(admin, "issuing", advice)
    team.services.mirrors.create(
        admin, "root", slug="copies", destination="files", connection="one", config={}
    )


def _add_of_the_product(team: Team) -> None:
    """A channel and an alert that belong to no Application."""
    services, admin = team.services, team.admin
    mail = {"sender": "certrail@example.com", "recipients": ["ops@example.com"]}
    services.channels.create(
        admin,
        None,
        slug="mail",
        name="Mail",
        notifier="email",
        connection="smtp",
        config=mail,
        product_wide=True,
    )
    services.alerts.create_alert(
        admin, None, slug="told", name="Told", events=["plugin.faulted"], channels=["mail"], product_wide=True
    )


def _self_signed(text: str, now: datetime) -> str:
    """A certificate of somebody who writes what they like into it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, text),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, text),
        ]
    )
    names = [x509.DNSName("odd.example.com"), x509.UniformResourceIdentifier(f"urn:{text}")]
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )

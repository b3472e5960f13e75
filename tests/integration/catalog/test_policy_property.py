"""No generated pair of policy and request gets a certificate that the policy denies, whatever the path it takes.

The judge here is written anew from the words of the policy, and reads the certificate, not the request.
"""

import ipaddress
from collections.abc import Iterator, Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from tests.integration.conftest import Fresh, Team, installed
from tests.support.linting import errors_in
from tests.support.properties import given

from certrail.domain.content import EXTENDED_KEY_USAGES, KeyAlgorithm, RequestContent, Sans, Subject
from certrail.domain.durations import parse_duration
from certrail.domain.errors import PolicyViolation
from certrail.persistence.tables import Certificate
from certrail.pki.authority import self_signed_root
from certrail.pki.csr import certificate_content
from certrail.pki.keys import generate, hash_for
from certrail.pki.leaf import LeafPlan, sign_leaf
from certrail.pki.names import to_general_names, to_name
from certrail.pki.parse import from_pem_text
from certrail.plugins.registry import PluginRegistry
from certrail.services.approvals.policies import Step

DAY = 86400
ALGORITHMS = [KeyAlgorithm.EC_P256, KeyAlgorithm.EC_P384, KeyAlgorithm.ED25519, KeyAlgorithm.RSA_2048]
key_of = cache(generate)
"""One key per algorithm: RSA keys are slow to make, and which key it is decides nothing."""
DNS = ["a.example.com", "b.example.com", "deep.b.example.com", "x.example.org", "*.a.example.com"]
IPS = ["192.0.2.7", "198.51.100.9", "2001:db8::7"]
EMAILS = ["jo@example.com", "jo@example.org"]
URIS = ["https://a.example.com/x", "https://x.example.org/", "http://a.example.com/x"]
UPNS = ["jo@example.com", "jo@example.org"]
USAGES = ["digitalSignature", "contentCommitment", "keyEncipherment", "dataEncipherment", "keyAgreement"]
CANNOT = {
    "RSA": {"keyAgreement"},
    "EC_": {"keyEncipherment", "dataEncipherment"},
    "ED2": {"keyEncipherment", "dataEncipherment", "keyAgreement"},
}
EXTENDED = ["serverAuth", "clientAuth", "codeSigning", "1.3.6.1.4.1.311.20.2.2"]
PARTS = {
    "common_name": ["a.example.com", "x.example.org", "Jo"],
    "organization": ["Example", "Example Ltd", "Other"],
    "country": ["DE", "FR"],
    "domain_components": [["example", "com"], ["Dev", "example", "com"], ["example", "org"]],
}
PATTERNS = {
    "dns": ["*.example.com", "a.*", "*", "b.example.com", "*.org"],
    "ip": ["192.0.2.0/24", "0.0.0.0/0", "2001:db8::/32"],
    "email": ["*@example.com", "*"],
    "uri": ["https://*.example.com/*", "*"],
    "upn": ["*@example.com", "*"],
    "common_name": ["*", "*.example.com", "Jo"],
    "organization": ["Example*", "Other"],
    "country": ["DE", "*"],
    "domain_components": ["example", "com", "*", "dev"],
}
CONSTRAINTS = [{"ca": False}, {"ca": True}, {"ca": True, "path_length": 0}, {"ca": True, "path_length": 1}]
ANYTHING = {"basic_constraints": {"ca": "allowed"}}
SIGNED_BY_ROOT = "ECDSA_SHA256"


def some(values: list[Any], least: int = 0) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), unique=True, min_size=least, max_size=3)


@st.composite
def name_rules(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    rules: dict[str, Any] = {}
    for member in ("required", "allowed", "denied"):
        if draw(st.integers(0, 2)) == 0:
            rules[member] = draw(some(PATTERNS[kind]))
    return rules


@st.composite
def subject_rules(draw: st.DrawFn) -> dict[str, Any]:
    rules: dict[str, Any] = {}
    for part in draw(some(list(PARTS))):
        member = draw(st.sampled_from(["required", "allowed", "denied"]))
        value = draw(st.sampled_from(PATTERNS[part])) if member == "required" else draw(some(PATTERNS[part]))
        rules.setdefault(member, {})[part] = value
    return rules


def usage_rules(usages: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={"required": some(usages), "allowed": some(usages)})


POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "subject": subject_rules(),
        "sans": st.fixed_dictionaries(
            {}, optional={kind: name_rules(kind) for kind in ("dns", "ip", "email", "uri", "upn")}
        ),
        "key_usages": usage_rules(USAGES),
        "extended_key_usages": usage_rules(EXTENDED),
        "key_algorithms": some(ALGORITHMS),
        "signature_algorithms": some([SIGNED_BY_ROOT, "ED25519"]),
        "max_ttl": st.sampled_from(["1h", "1d", "40d"]),
        "basic_constraints": st.fixed_dictionaries(
            {"ca": st.sampled_from(["forbidden", "allowed", "required"])},
            optional={"max_path_length": st.integers(0, 1)},
        ),
    },
)
REQUESTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "subject": st.fixed_dictionaries({}, optional={p: st.sampled_from(v) for p, v in PARTS.items()}),  # type: ignore[call-overload, dict-item]
        "sans": st.fixed_dictionaries(  # type: ignore[dict-item]
            {"dns": some(DNS, 1)},
            optional={"ip": some(IPS), "email": some(EMAILS), "uri": some(URIS), "upn": some(UPNS)},
        ),
        "key_algorithm": st.sampled_from(ALGORITHMS),  # type: ignore[dict-item]
        "ttl_seconds": st.sampled_from([3600, 3601, DAY, 40 * DAY, 40 * DAY + 1]),  # type: ignore[dict-item]
        "key_usages": some(USAGES, 1),  # type: ignore[dict-item]
        "extended_key_usages": some(EXTENDED, 1),  # type: ignore[dict-item]
    },
    optional={"basic_constraints": st.sampled_from(CONSTRAINTS)},
).filter(lambda asked: asked["subject"] or not asked.get("basic_constraints", {}).get("ca"))  # type: ignore[arg-type]
RENEWALS = ("renewal", "renewal with a csr", "renewal with the same key")
PATHS = st.sampled_from(["api", "csr", "import", "approval", "changed while it waits", *RENEWALS])


def permitted(certificate: x509.Certificate, rules: Mapping[str, Any]) -> bool:
    """Whether the words of the policy allow what this certificate says."""
    has = certificate_content(certificate)
    subject = {name: value for name, value in has["subject"].items() if value}
    return (
        not CANNOT[has["key_algorithm"][:3]] & set(has["key_usages"])
        and ("subject" not in rules or _subject(subject, rules["subject"]))
        and ("sans" not in rules or all(_names(k, has["sans"][k], rules["sans"].get(k)) for k in has["sans"]))
        and ("key_usages" not in rules or _usages(has["key_usages"], rules["key_usages"]))
        and (
            "extended_key_usages" not in rules
            or _usages(has["extended_key_usages"], rules["extended_key_usages"])
        )
        and ("key_algorithms" not in rules or has["key_algorithm"] in rules["key_algorithms"])
        and ("signature_algorithms" not in rules or SIGNED_BY_ROOT in rules["signature_algorithms"])
        and (
            "max_ttl" not in rules
            or timedelta(seconds=has["ttl_seconds"]) <= parse_duration(rules["max_ttl"])
        )
        and _constraints(has["basic_constraints"], rules.get("basic_constraints", {}))
    )


def _constraints(offered: Mapping[str, Any], rules: Mapping[str, Any]) -> bool:
    word, limit = rules.get("ca", "forbidden"), rules.get("max_path_length")
    if not offered["ca"]:
        return bool(word != "required")
    room = offered["path_length"]
    return word != "forbidden" and (limit is None or (room is not None and room <= limit))


def _subject(given: Mapping[str, Any], rules: Mapping[str, Any]) -> bool:
    required, allowed, denied = (rules.get(member, {}) for member in ("required", "allowed", "denied"))
    offered = [(part, v) for part, of in given.items() for v in ([of] if isinstance(of, str) else of)]
    if any(
        all(part != p or not fnmatchcase(v, pattern) for p, v in offered)
        for part, pattern in required.items()
    ):
        return False
    for part, value in offered:
        if any(fnmatchcase(value.lower(), pattern.lower()) for pattern in denied.get(part, ())):
            return False
        named = [*([required[part]] if part in required else []), *allowed.get(part, ())]
        only_denied = part in denied and part not in required and part not in allowed
        if not only_denied and not any(fnmatchcase(value, pattern) for pattern in named):
            return False
    return True


def _names(kind: str, offered: list[str], rules: Mapping[str, Any] | None) -> bool:
    if rules is None:
        return not offered
    required, denied = rules.get("required", []), rules.get("denied", [])
    if any(not any(_like(kind, name, pattern) for name in offered) for pattern in required):
        return False
    if any(_denied(kind, name, pattern) for name in offered for pattern in denied):
        return False
    if "allowed" not in rules and (required or denied):
        return True
    named = [*required, *rules.get("allowed", [])]
    return all(any(_like(kind, name, pattern) for pattern in named) for name in offered)


def _like(kind: str, value: str, pattern: str, *, denying: bool = False) -> bool:
    if kind == "ip":
        return ipaddress.ip_address(value) in ipaddress.ip_network(pattern)
    if kind == "uri" and not denying:
        return fnmatchcase(value, pattern)
    return fnmatchcase(value.lower(), pattern.lower())


def _denied(kind: str, value: str, pattern: str) -> bool:
    """A wildcard is denied with any name that it stands for: here a name below it, or itself."""
    if kind == "dns" and value.startswith("*."):
        covered = [value.replace("*", label, 1) for label in ("a", "b", "x", "q", "a-", "b-example")]
        return any(_like(kind, name, pattern) for name in (value, *covered))
    return _like(kind, value, pattern, denying=True)


def _usages(offered: tuple[str, ...], rules: Mapping[str, Any]) -> bool:
    required, allowed = set(rules.get("required", ())), set(rules.get("allowed", ()))
    return required <= set(offered) <= required | allowed


def as_csr(content: RequestContent) -> str:
    """The request as a CSR that says everything but the lifetime."""
    key = key_of(content.key_algorithm)
    bits = {usage: usage in content.key_usages for usage in USAGES}
    is_ca = content.basic_constraints.ca
    usage = x509.KeyUsage(
        bits["digitalSignature"],
        bits["contentCommitment"],
        bits["keyEncipherment"],
        bits["dataEncipherment"],
        bits["keyAgreement"],
        *[is_ca, is_ca, False, False],
    )
    constraints = x509.BasicConstraints(is_ca, content.basic_constraints.path_length)
    extended = [x509.ObjectIdentifier(EXTENDED_KEY_USAGES.get(u, u)) for u in content.extended_key_usages]
    csr = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(to_name(content.subject))
        .add_extension(x509.SubjectAlternativeName(to_general_names(content.sans)), False)
        .add_extension(usage, True)
        .add_extension(x509.ExtendedKeyUsage(extended), False)
        .add_extension(constraints, True)
        .sign(key, hash_for(key))
    )
    return csr.public_bytes(Encoding.PEM).decode()


class Elsewhere:
    """Signs anything, as authorities that are not ours do."""

    def __init__(self, team: Team) -> None:
        self._team, self._key = team, generate(KeyAlgorithm.EC_P256)
        start = team.clock.now - timedelta(days=1)
        subject = Subject(common_name="Elsewhere")
        self._root = self_signed_root(subject, self._key, 3, start, start + timedelta(days=900), None)

    def signed(self, content: RequestContent) -> x509.Certificate:
        now = self._team.clock.now
        plan = LeafPlan(
            content.subject,
            content.sans,
            tuple(content.key_usages),
            content.extended_key_usages,
            now,
            now + timedelta(seconds=content.ttl_seconds),
            content.basic_constraints,
        )
        public_key = key_of(content.key_algorithm).public_key()
        return sign_leaf(plan, public_key, self._root, self._key, x509.random_serial_number())


@pytest.fixture
def team(sqlite: Fresh, plugins: PluginRegistry) -> Iterator[Team]:
    """On SQLite only: what is judged does not depend on the database."""
    team = installed(sqlite, plugins)
    team.services.catalog.create_profile(
        team.admin, slug="asked", name="Asked", ca="root", policy="tls", ttl=timedelta(days=1)
    )
    team.services.applications.attach_profile(team.admin, team.application, "asked")
    team.person("approver")
    team.guard(Step("One", ("approver",)), profiles=["asked"])
    yield team
    sqlite.database.close()


def certificate_by(
    path: str, team: Team, rules: dict[str, Any], content: RequestContent
) -> Certificate | None:
    """What somebody gets who asks by this path under these rules, or nothing when they are refused."""
    services = team.services
    later = path in ("changed while it waits", *RENEWALS)
    services.catalog.update_policy(team.admin, "tls", ANYTHING if later else rules)
    try:
        if path == "import":
            pem = Elsewhere(team).signed(content).public_bytes(Encoding.PEM).decode()
            return services.imports.take(team.admin, team.application, from_pem_text(pem), profile="web")
        asked = content.model_dump(mode="json", exclude={"csr"}, exclude_none=True)
        if path == "csr":
            asked = {"csr": as_csr(content), "ttl_seconds": content.ttl_seconds}
        profile = "web" if path in ("api", "csr", *RENEWALS) else "asked"
        row = services.requests.submit(team.admin, team.application, profile=profile, content=asked)
        if path in RENEWALS:
            services.issuance.advance(row.id)
            services.catalog.update_policy(team.admin, "tls", rules)
            present = services.requests.get(row.id).certificate_id or ""
            csr = as_csr(content) if path == "renewal with a csr" else None
            same_key = path == "renewal with the same key"
            row = services.renewals.renew(team.admin, present, csr=csr, same_key=same_key)
    except PolicyViolation:
        return None
    if path == "changed while it waits":
        services.catalog.update_policy(team.admin, "tls", rules)
    services.issuance.advance(row.id)
    if profile == "asked" and services.requests.get(row.id).status == "pending_approval":
        approval = services.approvals.of_subject(row.id)
        assert approval
        services.approvals.vote(team.actor("approver"), approval.id, "approve")
        services.issuance.advance(row.id)
    issued = services.requests.get(row.id)
    assert issued.status in ("issued", "failed"), issued.status
    return services.inventory.get(issued.certificate_id) if issued.certificate_id else None


EXAMPLES = settings(
    max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@EXAMPLES
@given(rules=POLICIES, asked=REQUESTS, path=PATHS)
def test_no_path_signs_what_the_policy_denies(
    team: Team, rules: dict[str, Any], asked: dict[str, Any], path: str
) -> None:
    assert_signed_as_permitted(team, rules, asked, path)


@pytest.mark.endurance
@settings(EXAMPLES, max_examples=1000, derandomize=False, database=None)
@given(rules=POLICIES, asked=REQUESTS, path=PATHS)
def test_no_path_signs_what_the_policy_denies_whatever_is_drawn(
    team: Team, rules: dict[str, Any], asked: dict[str, Any], path: str
) -> None:
    assert_signed_as_permitted(team, rules, asked, path)


def assert_signed_as_permitted(team: Team, rules: dict[str, Any], asked: dict[str, Any], path: str) -> None:
    content = RequestContent.model_validate(asked)
    wanted = Elsewhere(team).signed(content)
    got = certificate_by(path, team, rules, content)
    assert (got is not None) == permitted(wanted, rules), (path, rules, asked)
    if got is not None:
        reported, meant = (
            certificate_content(c) for c in (x509.load_pem_x509_certificate(got.pem.encode()), wanted)
        )
        assert reported == meant, "the certificate says what was asked for, and nothing else"
        if not any(name.startswith("*.") for name in content.sans.dns):  # which RFC 5280 leaves to RFC 9525
            assert errors_in(x509.load_pem_x509_certificate(got.pem.encode())) == ""


def test_the_defaults_of_a_profile_are_what_the_certificate_says(team: Team) -> None:
    defaults = {
        "key_algorithm": "EC_P384",
        "extended_key_usages": ["clientAuth"],
        "subject": {"organization": "Example"},
    }
    team.services.catalog.update_profile(team.admin, "web", defaults=defaults)
    got = certificate_by("api", team, {}, RequestContent(sans=Sans(dns=("a.example.com",)), ttl_seconds=3600))
    assert got is not None
    row = team.services.requests.submit(
        team.admin, team.application, profile="web", content={"sans": {"dns": ["b.example.com"]}}
    )
    team.services.issuance.advance(row.id)
    issued = team.services.inventory.get(team.services.requests.get(row.id).certificate_id or "")
    says = certificate_content(x509.load_pem_x509_certificate(issued.pem.encode()))
    assert says["key_algorithm"] == "EC_P384"
    assert says["extended_key_usages"] == ("clientAuth",)
    assert says["subject"]["organization"] == "Example"
    assert says["ttl_seconds"] == 47 * DAY

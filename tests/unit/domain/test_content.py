from typing import Any

import pytest
from pydantic import ValidationError

from certrail.domain.approval import ApprovedContent
from certrail.domain.content import RequestContent, Sans, SignatureAlgorithm, Subject

DAY = 86400


def content(**changes: Any) -> RequestContent:
    return RequestContent.model_validate({"subject": {"common_name": "web"}, "ttl_seconds": DAY, **changes})


def refusal(**changes: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        content(**changes)
    return "; ".join(error["msg"] for error in caught.value.errors())


@pytest.mark.parametrize(
    ("kind", "given_form", "kept_form"),
    [
        ("dns", "WWW.Example.com", "www.example.com"),
        ("dns", "*.example.com", "*.example.com"),
        ("dns", "localhost", "localhost"),
        ("dns", "xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("dns", "a" * 63 + ".example", "a" * 63 + ".example"),
        ("ip", "2001:0DB8::0001", "2001:db8::1"),
        ("ip", "192.0.2.1", "192.0.2.1"),
        ("email", "Jo.Doe+x@Example.COM", "Jo.Doe+x@example.com"),
        ("uri", "SPIFFE://Example.com/Path", "spiffe://example.com/Path"),
        ("uri", "urn:uuid:F81D4FAE", "urn:uuid:F81D4FAE"),
        ("uri", "https://User@HOST:8443/A?B#C", "https://User@host:8443/A?B#C"),
        ("upn", "José@corp.example", "José@corp.example"),
    ],
)
def test_names_are_kept_in_one_form(kind: str, given_form: str, kept_form: str) -> None:
    assert getattr(content(sans={kind: [given_form]}).sans, kind) == (kept_form,)


@pytest.mark.parametrize(
    ("kind", "value", "part"),
    [
        ("dns", "bücher.example", "xn-- form"),
        ("dns", "\u212aelvin.example", "xn-- form"),
        ("dns", "xn--\u00e9.example", "xn-- form"),
        ("dns", "xn--999999999.example", "does not decode"),
        ("dns", "w*.example.com", "whole first label"),
        ("dns", "www.*.example.com", "whole first label"),
        ("dns", "*", "whole first label"),
        ("dns", "*.", "whole first label"),
        ("dns", "*.*.example.com", "whole first label"),
        ("dns", "-a.example", "not a DNS name"),
        ("dns", "under_score.example", "not a DNS name"),
        ("dns", "example.com.", "final dot"),
        ("dns", "example.com\n", "not a DNS name"),
        ("dns", "", "not a DNS name"),
        ("dns", "a" * 64 + ".example", "63 characters"),
        ("dns", ".".join(["a" * 60] * 5), "not a DNS name"),
        ("dns", "192.0.2.1", "give an address as an IP name"),
        ("ip", "example.com", "not an IP address"),
        ("ip", "10.0.0.0/8", "not an IP address"),
        ("ip", "fe80::1%eth0", "without the zone"),
        ("ip", "::ffff:192.0.2.1", "as the IPv4 address 192.0.2.1"),
        ("email", "nobody", "name@example.com"),
        ("email", "a@b@example.com", "name@example.com"),
        ("email", "a b@example.com", "name@example.com"),
        ("email", "jo@*.example.com", "not a DNS name"),
        ("email", "jö@example.com", "name@example.com"),
        ("uri", "/relative", "not an absolute URI"),
        ("uri", "//example.com/x", "not an absolute URI"),
        ("uri", "https:", "not an absolute URI"),
        ("uri", "https://[::1", "not an absolute URI"),
        ("uri", "https://example.com/a b", "no blanks"),
        ("uri", "https://example.com/\x00", "no blanks"),
        ("uri", "https://example.com/" + "a" * 2048, "at most 2048"),
        ("upn", "user", "user@example.com"),
        ("upn", "u ser@example.com", "user@example.com"),
        ("upn", "u" * 250 + "@example.com", "at most 255"),
    ],
)
def test_names_of_another_form_are_refused_with_what_to_change(kind: str, value: str, part: str) -> None:
    assert part in refusal(sans={kind: [value]})


@pytest.mark.parametrize(
    "subject",
    [
        {"common_name": "a" * 65},
        {"common_name": ""},
        {"common_name": "a\x00b"},
        {"country": "DEU"},
        {"country": "1A"},
        {"organization": "a" * 65},
        {"locality": "a" * 129},
        {"title": "unknown"},
    ],
)
def test_subjects_outside_the_bounds_are_refused(subject: dict[str, str]) -> None:
    assert refusal(subject=subject)


def test_countries_are_written_in_capitals() -> None:
    assert Subject(country="de").country == "DE"


@pytest.mark.parametrize("kinds", [("dns",), ("dns", "email")])
def test_a_hundred_names_are_the_most(kinds: tuple[str, ...]) -> None:
    share = 100 // len(kinds)
    make = {"dns": "h{}.example", "email": "m{}@a.example"}
    sans = {kind: [make[kind].format(i) for i in range(share)] for kind in kinds}
    assert content(sans=sans).sans.count() == 100
    sans["uri"] = ["urn:one:more"]
    assert "at most 100" in refusal(sans=sans)


def test_one_list_of_too_many_names_is_refused() -> None:
    assert "100" in refusal(sans={"dns": [f"h{i}.example" for i in range(101)]})


def test_a_name_given_twice_counts_once() -> None:
    assert Sans(dns=("a.example", "A.example", "b.example")).dns == ("a.example", "b.example")


@pytest.mark.parametrize("seconds", [0, -1, 36525 * DAY + 1])
def test_the_lifetime_is_bounded(seconds: int) -> None:
    assert refusal(ttl_seconds=seconds)


def test_something_must_be_named() -> None:
    assert "give a subject" in refusal(subject={})
    assert content(subject={}, sans={"ip": ["192.0.2.1"]}).subject.is_empty()


def test_a_well_known_usage_has_one_name() -> None:
    usages = ["1.3.6.1.5.5.7.3.1", "serverAuth", "1.3.6.1.4.1.311.20.2.2"]
    assert content(extended_key_usages=usages).extended_key_usages == ("serverAuth", "1.3.6.1.4.1.311.20.2.2")


@pytest.mark.parametrize(
    "usage", ["server", "1", "1.99.1", "3.1.1", "1.02.3", "2.25." + str(2**129), "1" + ".1" * 40]
)
def test_what_is_no_usage_is_refused(usage: str) -> None:
    assert "neither a dotted OID" in refusal(extended_key_usages=[usage])


@pytest.mark.parametrize("usage", ["keyCertSign", "cRLSign", "server"])
def test_the_key_usages_of_an_authority_cannot_be_asked_for(usage: str) -> None:
    assert refusal(key_usages=[usage])


def test_unknown_fields_are_refused() -> None:
    assert refusal(is_ca=True)


def digested(asked: RequestContent, *place: Any) -> str:
    return ApprovedContent(asked, *(place or ("profile", 1, 2, "application"))).digest()


BASE: dict[str, Any] = {
    "subject": {"common_name": "web", "organization": "Example"},
    "sans": {"dns": ["a.example", "b.example"]},
    "key_algorithm": "EC_P256",
    "csr": None,
    "ttl_seconds": DAY,
    "key_usages": ["digitalSignature"],
    "extended_key_usages": ["serverAuth"],
    "signature_algorithm": None,
    "basic_constraints": {"ca": False},
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject", {"common_name": "web2", "organization": "Example"}),
        ("subject", {"common_name": "web", "organizational_unit": "Example"}),
        ("subject", {"common_name": "web", "organization": "Example", "domain_components": ["example"]}),
        ("sans", {"dns": ["a.example"]}),
        ("sans", {"dns": ["a.example", "b.example"], "ip": ["192.0.2.1"]}),
        ("sans", {"email": ["a@a.example"]}),
        ("key_algorithm", "EC_P384"),
        ("csr", "pem"),
        ("ttl_seconds", DAY + 1),
        ("key_usages", ["digitalSignature", "keyEncipherment"]),
        ("extended_key_usages", ["clientAuth"]),
        ("signature_algorithm", SignatureAlgorithm.ECDSA_SHA256),
        ("basic_constraints", {"ca": True}),
        ("basic_constraints", {"ca": True, "path_length": 0}),
    ],
)
def test_any_changed_field_changes_the_digest(field: str, value: Any) -> None:
    assert digested(content(**BASE)) != digested(content(**{**BASE, field: value}))


def test_the_order_of_domain_components_is_bound() -> None:
    one, other = (
        content(**{**BASE, "subject": {"domain_components": parts}})
        for parts in (["example", "com"], ["com", "example"])
    )
    assert digested(one) != digested(other)


@pytest.mark.parametrize("component", ["", "example.com", "-a", "a-", "a b", "\u00e4", "a" * 64, "a\0"])
def test_a_domain_component_is_one_label(component: str) -> None:
    assert Subject(domain_components=("Example", "com")).domain_components == ("Example", "com")
    with pytest.raises(ValidationError, match="one label"):
        Subject(domain_components=(component,))
    with pytest.raises(ValidationError, match="at most 20"):
        Subject(domain_components=("a",) * 21)


def test_every_field_is_tried_above() -> None:
    assert set(BASE) == set(RequestContent.model_fields)


@pytest.mark.parametrize(
    "place",
    [
        ("p2", 1, 2, "application"),
        ("profile", 2, 2, "application"),
        ("profile", 1, 3, "application"),
        ("profile", 1, 2, "other"),
        ("profile", 1, 2, "application", "renewed"),
        ("profile", 1, 2, "application", None, True),
        ("profile", 1, 2, "application", None, False, {"owner": "web"}),
    ],
)
def test_the_place_is_part_of_the_digest(place: tuple[Any, ...]) -> None:
    assert digested(content(**BASE)) != digested(content(**BASE), *place)


def test_the_digest_survives_storing() -> None:
    stored = content(**BASE).model_dump_json()
    again = RequestContent.model_validate_json(stored)
    assert digested(again) == digested(content(**BASE))
    assert len(digested(again)) == 64

"""Properties of approval, with Hypothesis: a module of its own, as that takes a second to import."""

from hypothesis import strategies as st
from tests.support.properties import given
from tests.unit.domain.test_approval import SPECIAL, shown

from certrail.domain.approval import ApprovedContent
from certrail.domain.content import KeyAlgorithm, KeyUsage, RequestContent

texts = st.text(st.sampled_from(SPECIAL), max_size=4)
names = st.lists(
    st.sampled_from(["a.example.com", "b.example.com", "*.example.com"]), max_size=3, unique=True
).map(tuple)
printable = texts.map(lambda text: "".join(c for c in text if c.isprintable()).strip() or "x")
csrs = st.sampled_from(
    [None, "-----BEGIN CERTIFICATE REQUEST-----\nA", "-----BEGIN CERTIFICATE REQUEST-----\nB"]
)


@st.composite
def contents(draw: st.DrawFn) -> RequestContent:
    ca = draw(st.booleans())
    return RequestContent.model_validate(
        {
            "subject": {"common_name": draw(printable), "organization": draw(st.none() | printable)},
            "sans": {
                "dns": draw(names),
                "uri": draw(st.sampled_from([(), ("urn:a,b",), ("urn:a", "urn:b")])),
            },
            "key_algorithm": draw(st.sampled_from([KeyAlgorithm.EC_P256, KeyAlgorithm.RSA_2048])),
            "csr": draw(csrs),
            "ttl_seconds": draw(st.sampled_from([1, 60, 3600, 7200, 86400, 90000, 172800])),
            "key_usages": draw(st.lists(st.sampled_from(list(KeyUsage)), max_size=2)),
            "extended_key_usages": draw(st.sampled_from([(), ("serverAuth",), ("serverAuth", "clientAuth")])),
            "basic_constraints": {
                "ca": ca,
                "path_length": draw(st.sampled_from([None, 0, 1])) if ca else None,
            },
        }
    )


approved = st.builds(
    ApprovedContent,
    content=contents(),
    profile_id=st.sampled_from(["web", "vpn"]),
    profile_version=st.integers(1, 2),
    policy_version=st.integers(1, 2),
    application_id=st.sampled_from(["", "payments"]),
    renews=st.sampled_from([None, "c1", "c2"]),
    same_key=st.booleans(),
    metadata=st.dictionaries(texts.map(lambda text: text or "x"), texts, max_size=2),
)


@given(approved, approved)
def test_different_digests_never_look_alike(one: ApprovedContent, other: ApprovedContent) -> None:
    assert (one.digest() == other.digest()) == (shown(one) == shown(other))

"""The ACM stand-in against the real boto3: what AWS documents, it does."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from certrail_fakes.acm import AcmServer

from .imports import FAR, NOW, RSA_KEYS, certificate, client, desired, pem, refused

ALL_KEY_TYPES = [
    "RSA_1024",
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "EC_prime256v1",
    "EC_secp384r1",
    "EC_secp521r1",
]


def tags(acm: Any, arn: str) -> dict[str, str]:
    return {t["Key"]: t["Value"] for t in acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]}


def spoiled(what: str) -> dict[str, Any]:
    """A good import with one thing wrong."""
    good = desired()
    other = rsa.generate_private_key(65537, 2048)
    spoils: dict[str, Callable[[], dict[str, Any]]] = {
        "key of another": lambda: {"PrivateKey": pem(other)},
        "encrypted key": lambda: {"PrivateKey": pem(RSA_KEYS[0], b"password")},
        "key that is no PEM": lambda: {"PrivateKey": "nonsense"},
        "key too large": lambda: {"PrivateKey": pem(RSA_KEYS[0]) + "#" * 5000},
        "chain of another CA": lambda: {"CertificateChain": certificate("Other", other, "Other", other)},
        "leaf in the chain": lambda: {"CertificateChain": good["Certificate"] + good["CertificateChain"]},
        "chain in the certificate": lambda: {"Certificate": good["Certificate"] + good["CertificateChain"]},
        "expired": lambda: desired(until=NOW - timedelta(hours=1)),
        "not yet valid": lambda: desired(since=FAR - timedelta(hours=1)),
        "unsupported key": lambda: desired(key=ec.generate_private_key(ec.SECP256K1())),
        "leaf of another algorithm than its CA": lambda: desired(key=ec.generate_private_key(ec.SECP256R1())),
    }
    return good | spoils[what]()


def test_an_import_is_served_back_as_it_was_given(acm: Any, server: AcmServer) -> None:
    given = desired("a.example", "b.example")
    arn = acm.import_certificate(**given, Tags=[{"Key": "certrail:delivery", "Value": "d/1"}])[
        "CertificateArn"
    ]
    got = acm.get_certificate(CertificateArn=arn)
    assert got["Certificate"] == given["Certificate"]
    assert got["CertificateChain"] == given["CertificateChain"]
    assert server.certificates()[0].names == ("a.example", "b.example")
    assert server.account_id in arn
    described = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    leaf = x509.load_pem_x509_certificate(given["Certificate"].encode())
    assert int(described["Serial"].replace(":", ""), 16) == leaf.serial_number


def test_reimport_keeps_arn_and_tags(acm: Any) -> None:
    arn = acm.import_certificate(**desired(), Tags=[{"Key": "owner", "Value": "me"}])["CertificateArn"]
    again = desired()
    assert acm.import_certificate(CertificateArn=arn, **again)["CertificateArn"] == arn
    assert acm.get_certificate(CertificateArn=arn)["Certificate"] == again["Certificate"]
    assert tags(acm, arn) == {"owner": "me"}


def test_tags_on_reimport_are_refused(acm: Any) -> None:
    arn = acm.import_certificate(**desired())["CertificateArn"]
    with refused("ValidationException", "Tagging is not permitted on re-import"):
        acm.import_certificate(CertificateArn=arn, **desired(), Tags=[{"Key": "a", "Value": "b"}])


@pytest.mark.parametrize("value", ["*.example.com", "a;b", "x" * 257])
def test_tag_values_outside_the_rules_are_refused(acm: Any, value: str, server: AcmServer) -> None:
    with pytest.raises(ClientError):
        acm.import_certificate(**desired(), Tags=[{"Key": "Name", "Value": value}])
    assert server.certificates() == []


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("key of another", "does not match"),
        ("encrypted key", "encrypted"),
        ("key that is no PEM", "not PEM"),
        ("key too large", "5120"),
        ("chain of another CA", "with the certificate chain"),
        ("leaf in the chain", "end-entity"),
        ("chain in the certificate", "more than one certificate"),
        ("expired", "expired"),
        ("not yet valid", "not in effect"),
        ("unsupported key", "not supported"),
        ("leaf of another algorithm than its CA", "algorithm of its CA"),
    ],
)
def test_bad_imports_are_refused(acm: Any, server: AcmServer, what: str, message: str) -> None:
    with refused("ValidationException", message):
        acm.import_certificate(**spoiled(what))
    assert server.certificates() == []


def test_chain_out_of_order_is_refused(acm: Any) -> None:
    root, inter, key = RSA_KEYS[1], rsa.generate_private_key(65537, 2048), RSA_KEYS[0]
    leaf = certificate("a.example", key, "Inter", inter, ("a.example",))
    first = certificate("Inter", inter, "Root", root)
    last = certificate("Root", root, "Root", root)
    with refused("ValidationException", "with the certificate chain"):
        acm.import_certificate(Certificate=leaf, PrivateKey=pem(key), CertificateChain=last + first)
    assert acm.import_certificate(Certificate=leaf, PrivateKey=pem(key), CertificateChain=first + last)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key": rsa.generate_private_key(65537, 3072)}, "key type and size"),
        ({"names": ("new.example",)}, "all of the domain names"),
        ({"usages": (ExtendedKeyUsageOID.CODE_SIGNING,)}, "cannot be removed"),
    ],
)
def test_changes_that_an_arn_does_not_survive(acm: Any, change: dict[str, Any], message: str) -> None:
    arn = acm.import_certificate(**desired("a.example"))["CertificateArn"]
    names = change.pop("names", ("a.example",))
    with refused("ValidationException", message):
        acm.import_certificate(CertificateArn=arn, **desired(*names, **change))


def test_names_may_be_added_and_removed(acm: Any) -> None:
    arn = acm.import_certificate(**desired("a.example", "b.example"))["CertificateArn"]
    assert (
        acm.import_certificate(CertificateArn=arn, **desired("b.example", "c.example"))["CertificateArn"]
        == arn
    )


def test_list_hides_other_key_types_unless_asked(acm: Any) -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    hidden = acm.import_certificate(**desired(key=curve, signer=curve))["CertificateArn"]
    shown = acm.import_certificate(**desired())["CertificateArn"]
    assert [c["CertificateArn"] for c in acm.list_certificates()["CertificateSummaryList"]] == [shown]
    everything = acm.list_certificates(Includes={"keyTypes": ALL_KEY_TYPES})["CertificateSummaryList"]
    assert {c["CertificateArn"] for c in everything} == {hidden, shown}


def test_list_is_paged(acm: Any) -> None:
    arns = {acm.import_certificate(**desired(f"{n}.example"))["CertificateArn"] for n in range(3)}
    first = acm.list_certificates(MaxItems=2)
    assert len(first["CertificateSummaryList"]) == 2
    last = acm.list_certificates(MaxItems=2, NextToken=first["NextToken"])
    assert "NextToken" not in last
    both = first["CertificateSummaryList"] + last["CertificateSummaryList"]
    assert {c["CertificateArn"] for c in both} == arns
    with refused("ValidationException", "NextToken"):
        acm.list_certificates(MaxItems=2, NextToken="0.made-up")


def test_delete_in_use_is_refused(acm: Any, server: AcmServer) -> None:
    arn = acm.import_certificate(**desired())["CertificateArn"]
    server.settings.in_use[arn] = ["arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/web/1"]
    assert (
        acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"] == server.settings.in_use[arn]
    )
    with refused("ResourceInUseException"):
        acm.delete_certificate(CertificateArn=arn)
    server.settings.in_use.clear()
    acm.delete_certificate(CertificateArn=arn)
    with refused("ResourceNotFoundException"):
        acm.get_certificate(CertificateArn=arn)


def test_two_servers_share_nothing(acm: Any, server: AcmServer) -> None:
    acm.import_certificate(**desired())
    with AcmServer() as other:
        assert other.certificates() == []
        assert client(other).list_certificates()["CertificateSummaryList"] == []


def test_control_over_http(acm: Any, server: AcmServer) -> None:
    control = f"{server.url}/_control"
    assert httpx2.post(control, json={"set": {"throttle_next": 1}}).json()["settings"]["throttle_next"] == 1
    with refused("ThrottlingException"):
        acm.list_certificates()
    arn = acm.import_certificate(**desired())["CertificateArn"]
    shown = httpx2.get(control)
    assert server.secret_access_key not in shown.text
    assert [c["arn"] for c in shown.json()["certificates"]] == [arn]
    assert [c["outcome"] for c in shown.json()["calls"]] == ["ThrottlingException", "ok"]
    assert httpx2.post(control, json={"set": {"no_such_knob": 1}}).status_code == 400
    assert httpx2.post(control, json={"wait_until_held": 0.01}).status_code == 504
    assert httpx2.post(control, json={"reset": True}).json()["certificates"] == []


def test_as_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "certrail_fakes.acm", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert httpx2.get(f"{url}/_control").json()["calls"] == []
        process.kill()

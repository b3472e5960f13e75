"""What the ACM stand-in refuses and withholds: limits, faults, rights."""

import threading
from typing import Any

import httpx2
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from certrail_fakes.acm import AcmServer

from .imports import CLIENTS, client, desired, refused


def test_quota_stops_new_certificates_but_not_renewals(acm: Any, server: AcmServer) -> None:
    arn = acm.import_certificate(**desired())["CertificateArn"]
    server.configure(quota=1)
    with refused("LimitExceededException"):
        acm.import_certificate(**desired())
    assert acm.import_certificate(CertificateArn=arn, **desired())["CertificateArn"] == arn


def test_throttling_with_the_pause_it_asks_for(acm: Any, server: AcmServer) -> None:
    server.configure(throttle_next=1, retry_after=7)
    with refused("ThrottlingException") as caught:
        acm.list_certificates()
    assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"
    acm.list_certificates()


def test_every_third_call_is_throttled(acm: Any, server: AcmServer) -> None:
    server.configure(throttle_every=3)
    for _ in range(2):
        acm.list_certificates()
        acm.list_certificates()
        with refused("ThrottlingException"):
            acm.list_certificates()
    server.configure(throttle_every=0)
    for _ in range(3):
        acm.list_certificates()


def test_one_import_a_second(acm: Any, server: AcmServer) -> None:
    server.configure(imports_per_second=0.001)
    acm.import_certificate(**desired())
    with refused("ThrottlingException"):
        acm.import_certificate(**desired())
    assert len(server.certificates()) == 1


def test_a_failure_of_the_service(acm: Any, server: AcmServer) -> None:
    server.configure(fail_next=1)
    with pytest.raises(ClientError) as caught:
        acm.list_certificates()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


def test_lost_answer_leaves_the_certificate(acm: Any, server: AcmServer) -> None:
    server.configure(lose_answers=1)
    with pytest.raises(ConnectionClosedError):
        acm.import_certificate(**desired())
    assert len(server.certificates()) == 1
    assert server.count("ImportCertificate", "lost") == 1
    acm.import_certificate(**desired())
    assert (len(server.certificates()), server.count("ImportCertificate")) == (2, 2)


@pytest.mark.parametrize(("where", "stored"), [("before", 0), ("after", 1)])
def test_held_import(acm: Any, server: AcmServer, where: str, stored: int) -> None:
    server.hold(where)
    caller = threading.Thread(target=acm.import_certificate, kwargs=desired())
    caller.start()
    assert server.wait_until_held()
    assert len(server.certificates()) == stored
    server.release()
    caller.join(10)
    assert len(server.certificates()) == 1


def test_held_import_of_a_killed_caller_is_dropped(server: AcmServer) -> None:
    server.hold("before")
    impatient = CLIENTS.client(
        "acm",
        endpoint_url=server.url,
        aws_access_key_id=AcmServer.access_key_id,
        aws_secret_access_key=AcmServer.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=0.3),
    )
    with pytest.raises(Exception, match="Read timeout"):
        impatient.import_certificate(**desired())
    impatient.close()
    assert server.wait_until_held()
    server.release()
    assert server.wait_for_call("ImportCertificate", "lost")
    assert server.certificates() == []


def test_credentials_are_checked(server: AcmServer) -> None:
    with refused("UnrecognizedClientException"):
        client(server, key="AKIDSOMEBODYELSE").list_certificates()
    with refused("InvalidSignatureException"):
        client(server, secret="wrong").list_certificates()
    assert (
        httpx2.post(server.url, headers={"X-Amz-Target": "CertificateManager.ListCertificates"}).status_code
        == 403
    )


def test_rights_and_expiry(acm: Any, server: AcmServer) -> None:
    server.configure(denied_actions=["ImportCertificate"])
    with refused("AccessDeniedException", "not authorized to perform: acm:ImportCertificate"):
        acm.import_certificate(**desired())
    server.configure(expired_keys=[server.access_key_id])
    with refused("ExpiredTokenException"):
        acm.list_certificates()


def test_an_assumed_role_works_only_with_its_token(server: AcmServer) -> None:
    sts = CLIENTS.client(
        "sts",
        endpoint_url=server.url,
        aws_access_key_id=server.access_key_id,
        aws_secret_access_key=server.secret_access_key,
    )
    role = f"arn:aws:iam::{server.account_id}:role/deployer"
    got = sts.assume_role(RoleArn=role, RoleSessionName="certrail")["Credentials"]
    assert len(got["SessionToken"]) > 20
    with refused("UnrecognizedClientException"):
        client(server, got["AccessKeyId"], got["SecretAccessKey"]).list_certificates()
    server.configure(denied_actions=["AssumeRole"])
    with refused("AccessDenied.*", "sts:AssumeRole"):
        sts.assume_role(RoleArn=role, RoleSessionName="certrail")

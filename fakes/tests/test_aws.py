"""The account beside ACM against the real boto3: what AWS describes and documents, it does."""

from typing import Any

import pytest
from botocore.config import Config

from certrail_fakes.aws import AwsServer
from certrail_fakes.aws_fixtures import account

from .imports import RSA_KEYS, desired, pem, refused

__all__ = ["account"]
UNCHECKED = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
TOKEN = "0" * 32


@pytest.fixture
def aws(account: AwsServer) -> AwsServer:
    account.reset()
    return account


def uploaded(aws: AwsServer, name: str = "web", **changes: Any) -> Any:
    given = desired()
    return aws.client("iam").upload_server_certificate(
        **{
            "ServerCertificateName": name,
            "CertificateBody": given["Certificate"],
            "PrivateKey": given["PrivateKey"],
            "CertificateChain": given["CertificateChain"],
        }
        | changes
    )


@pytest.mark.parametrize(
    ("service", "action", "given", "code"),
    [
        ("secretsmanager", "describe_secret", {}, "InvalidParameterException"),
        ("secretsmanager", "describe_secret", {"SecretId": "a" * 2049}, "InvalidParameterException"),
        ("secretsmanager", "create_secret", {"Name": "no blanks"}, "ValidationException"),
        ("iam", "get_server_certificate", {"ServerCertificateName": "no blanks"}, "ValidationError"),
        ("iam", "list_server_certificates", {"PathPrefix": "no-slash"}, "ValidationError"),
        ("iam", "list_server_certificates", {"MaxItems": 1001}, "ValidationError"),
        ("iam", "list_users", {}, "InvalidAction"),
        ("elbv2", "describe_listeners", {}, "ValidationError"),
        ("elbv2", "describe_listener_certificates", {"PageSize": 500}, "ValidationError"),
    ],
)
def test_requests_are_those_of_the_description(
    aws: AwsServer, service: str, action: str, given: dict[str, Any], code: str
) -> None:
    with refused(code):
        getattr(aws.client(service, config=UNCHECKED), action)(**given)


@pytest.mark.parametrize(
    ("service", "action", "codes"),
    [
        (
            "secretsmanager",
            "list_secrets",
            ("UnrecognizedClientException", "InvalidSignatureException", "AccessDeniedException"),
        ),
        (
            "iam",
            "list_server_certificates",
            ("InvalidClientTokenId", "SignatureDoesNotMatch", "AccessDenied"),
        ),
        ("elbv2", "describe_listeners", ("InvalidClientTokenId", "SignatureDoesNotMatch", "AccessDenied")),
    ],
)
def test_callers_are_checked_in_the_words_of_the_protocol(
    aws: AwsServer, service: str, action: str, codes: tuple[str, str, str]
) -> None:
    with refused(codes[0]):
        getattr(aws.client(service, aws_access_key_id="AKIDSOMEBODYELSE"), action)()
    with refused(codes[1]):
        getattr(aws.client(service, aws_secret_access_key="wrong"), action)()
    aws.configure(denied_actions=["".join(word.title() for word in action.split("_"))])
    with refused(codes[2], "not authorized to perform"):
        getattr(aws.client(service), action)()


def test_a_secret_keeps_its_versions_and_labels(aws: AwsServer) -> None:
    secrets = aws.client("secretsmanager")
    first = secrets.create_secret(Name="web", SecretString="1")
    second = secrets.put_secret_value(SecretId="web", SecretString="2")
    labels = secrets.describe_secret(SecretId=first["ARN"])["VersionIdsToStages"]
    assert labels == {second["VersionId"]: ["AWSCURRENT"], first["VersionId"]: ["AWSPREVIOUS"]}
    assert secrets.get_secret_value(SecretId="web", VersionStage="AWSPREVIOUS")["SecretString"] == "1"
    secrets.put_secret_value(SecretId="web", SecretString="1", ClientRequestToken=first["VersionId"])
    assert secrets.get_secret_value(SecretId="web")["SecretString"] == "2", "a repeat does nothing"
    with refused("ResourceExistsException"):
        secrets.put_secret_value(SecretId="web", SecretString="3", ClientRequestToken=first["VersionId"])


def test_a_secret_is_made_once(aws: AwsServer) -> None:
    secrets = aws.client("secretsmanager")
    given = {"Name": "web", "SecretString": "1", "ClientRequestToken": TOKEN}
    first = secrets.create_secret(**given)
    assert secrets.create_secret(**given)["ARN"] == first["ARN"]
    with refused("ResourceExistsException"):
        secrets.create_secret(Name="web", SecretString="1")
    aws.configure(secret_quota=1)
    with refused("LimitExceededException"):
        secrets.create_secret(Name="another", SecretString="1")


def test_a_deleted_secret_refuses_all_but_its_restoring(aws: AwsServer) -> None:
    secrets = aws.client("secretsmanager")
    secrets.create_secret(Name="web", SecretString="1")
    for wrong in ({"RecoveryWindowInDays": 6}, {"RecoveryWindowInDays": 31}):
        with refused("InvalidParameterException"):
            secrets.delete_secret(SecretId="web", **wrong)
    secrets.delete_secret(SecretId="web", RecoveryWindowInDays=7)
    assert "DeletedDate" in secrets.describe_secret(SecretId="web")
    with refused("InvalidRequestException", "marked for deletion"):
        secrets.get_secret_value(SecretId="web")
    with refused("InvalidRequestException", "scheduled for deletion"):
        secrets.create_secret(Name="web", SecretString="2")
    secrets.restore_secret(SecretId="web")
    assert secrets.get_secret_value(SecretId="web")["SecretString"] == "1"
    secrets.delete_secret(SecretId="web", ForceDeleteWithoutRecovery=True)
    with refused("ResourceNotFoundException"):
        secrets.describe_secret(SecretId="web")


def test_a_server_certificate_is_shown_without_its_key(aws: AwsServer) -> None:
    made = uploaded(aws, Path="/a/", Tags=[{"Key": "owner", "Value": "me and you"}])
    got = aws.client("iam").get_server_certificate(ServerCertificateName="WEB")["ServerCertificate"]
    assert got["Tags"] == [{"Key": "owner", "Value": "me and you"}]
    assert (
        got["ServerCertificateMetadata"]["Arn"]
        == f"arn:aws:iam::{aws.account_id}:server-certificate/a/web"
        == made["ServerCertificateMetadata"]["Arn"]
    )
    assert "PRIVATE KEY" not in str(got)
    listed = aws.client("iam").list_server_certificates(PathPrefix="/a")
    assert [one["ServerCertificateName"] for one in listed["ServerCertificateMetadataList"]] == ["web"]
    assert not aws.client("iam").list_server_certificates(PathPrefix="/b")["ServerCertificateMetadataList"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PrivateKey": pem(RSA_KEYS[1])}, "KeyPairMismatch"),
        ({"PrivateKey": pem(RSA_KEYS[0], b"password")}, "MalformedCertificate"),
        ({"CertificateBody": "nonsense"}, "MalformedCertificate"),
        ({"CertificateChain": desired(signer=RSA_KEYS[0])["CertificateChain"]}, "MalformedCertificate"),
        ({"CertificateBody": "x" * 16385}, "ValidationError"),
        ({"Path": "/no-end"}, "ValidationError"),
    ],
)
def test_what_iam_does_not_take(aws: AwsServer, changes: dict[str, str], code: str) -> None:
    with refused(code):
        uploaded(aws, **changes)


def test_names_quota_and_use_of_server_certificates(aws: AwsServer) -> None:
    arn = uploaded(aws)["ServerCertificateMetadata"]["Arn"]
    with refused("EntityAlreadyExists"):
        uploaded(aws, "Web")
    aws.configure(iam_quota=1)
    with refused("LimitExceeded"):
        uploaded(aws, "another")
    aws.settings.in_use[arn] = ["a distribution"]
    with refused("DeleteConflict"):
        aws.client("iam").delete_server_certificate(ServerCertificateName="web")
    aws.settings.in_use.clear()
    aws.client("iam").delete_server_certificate(ServerCertificateName="web")
    with refused("NoSuchEntity"):
        aws.client("iam").delete_server_certificate(ServerCertificateName="web")


def test_certificates_of_a_listener(aws: AwsServer) -> None:
    balancers, acm = aws.client("elbv2"), aws.client("acm")
    default, other = (acm.import_certificate(**desired())["CertificateArn"] for _ in range(2))
    web = aws.elbv2.add_listener(default)
    given = {"ListenerArn": web.arn, "Certificates": [{"CertificateArn": other}]}
    for _ in range(2):
        balancers.add_listener_certificates(**given)
    got = balancers.describe_listener_certificates(ListenerArn=web.arn)["Certificates"]
    assert [(each["CertificateArn"], each["IsDefault"]) for each in got] == [(default, True), (other, False)]
    assert acm.describe_certificate(CertificateArn=other)["Certificate"]["InUseBy"] == [web.load_balancer]
    with refused("ResourceInUseException"):
        acm.delete_certificate(CertificateArn=other)
    balancers.remove_listener_certificates(**given)
    acm.delete_certificate(CertificateArn=other)
    with refused("CertificateNotFound"):
        balancers.add_listener_certificates(**given)
    with refused("OperationNotPermitted"):
        balancers.remove_listener_certificates(
            ListenerArn=web.arn, Certificates=[{"CertificateArn": default}]
        )


def test_one_certificate_a_call_and_so_many_for_a_load_balancer(aws: AwsServer) -> None:
    balancers, acm = aws.client("elbv2"), aws.client("acm")
    arns = [{"CertificateArn": acm.import_certificate(**desired())["CertificateArn"]} for _ in range(2)]
    web = aws.elbv2.add_listener(arns[0]["CertificateArn"])
    for action in (balancers.add_listener_certificates, balancers.modify_listener):
        with refused("ValidationError"):
            action(ListenerArn=web.arn, Certificates=arns)
    aws.configure(listener_quota=0)
    with refused("TooManyCertificates"):
        balancers.add_listener_certificates(ListenerArn=web.arn, Certificates=arns[1:])
    balancers.modify_listener(ListenerArn=web.arn, Certificates=arns[1:])
    assert web.default == arns[1]["CertificateArn"]
    with refused("ListenerNotFound"):
        aws.client("elbv2", region_name="eu-west-1").describe_listeners(ListenerArns=[web.arn])
    plain = aws.elbv2.add_listener(None, protocol="HTTP")
    with refused("UnsupportedProtocol"):
        balancers.add_listener_certificates(ListenerArn=plain.arn, Certificates=arns[1:])


def test_answers_are_lost_after_the_write(aws: AwsServer) -> None:
    aws.configure(lose_answers=1)
    with pytest.raises(Exception, match="Connection was closed"):
        aws.client("secretsmanager").create_secret(Name="web", SecretString="1")
    assert len(aws.secrets.secrets) == 1
    assert aws.count("CreateSecret", "lost") == 1

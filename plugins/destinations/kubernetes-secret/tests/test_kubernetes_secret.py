"""What the destination does beyond the contract, and that it keeps the contract, on a fake with managed fields."""

import socket
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from certrail_destination_kubernetes_secret import KubernetesConfig, KubernetesSecret
from certrail_fakes.kubernetes import KubernetesApi
from certrail_sdk import ConcurrentModification, Deployment, NotFound, Permanent, Unauthorized, pem
from certrail_sdk.named import Found
from certrail_sdk.testing import DestinationConformance, make_bundle, make_deployment, renewed, with_receipt
from certrail_sdk.testing.deliveries import target_of, uncertain

from .by_hand import Person

Secret = Mapping[str, Any]


@pytest.fixture
def cluster() -> Iterator[KubernetesApi]:
    with KubernetesApi() as running:
        yield running


@pytest.fixture
def person(cluster: KubernetesApi) -> Person:
    return Person(cluster)


def kubernetes(cluster: KubernetesApi, **changes: object) -> KubernetesSecret:
    values = {"url": cluster.url, "ca_file": cluster.ca_file, "token": cluster.token, "namespace": "web"}
    return KubernetesSecret(KubernetesConfig.parse(values | {"allowed_hosts": ["127.0.0.1"]} | changes))


def stored_in(cluster: KubernetesApi, name: str = "conformance") -> dict[str, Any]:
    found: dict[str, Any] = cluster.secrets["web", name].document
    return found


def in_full(document: Secret) -> str:
    values = (b64decode(value).decode("utf-8", "replace") for value in document["data"].values())
    return "\n".join((*values, str(document["metadata"].get("annotations"))))


class TestConformance(DestinationConformance):
    @pytest.fixture
    def build(self, cluster: KubernetesApi) -> Callable[[], KubernetesSecret]:
        return lambda: kubernetes(cluster)

    @pytest.fixture
    def broken(self, cluster: KubernetesApi) -> KubernetesSecret:
        return kubernetes(cluster, token="a-token-that-nobody-has")

    @pytest.fixture
    def stored(self, cluster: KubernetesApi) -> Callable[[], Mapping[str, str]]:
        return lambda: {"/".join(name): in_full(each.document) for name, each in cluster.secrets.items()}

    @pytest.fixture
    def foreign(self, person: Person) -> Callable[[str], None]:
        return lambda name: person.creates(name, make_bundle("by-hand.example"))

    @pytest.fixture
    def elsewhere(self, cluster: KubernetesApi) -> KubernetesSecret:
        return kubernetes(cluster, namespace="other")

    @pytest.fixture
    def busy(self, cluster: KubernetesApi) -> KubernetesSecret:
        cluster.busy = True
        return kubernetes(cluster)

    @pytest.fixture
    def unreachable(self, cluster: KubernetesApi) -> KubernetesSecret:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        return kubernetes(cluster, url=f"https://127.0.0.1:{port}")


async def test_the_secret_is_one_that_an_ingress_takes(cluster: KubernetesApi) -> None:
    deployment = make_deployment()
    receipt = await kubernetes(cluster).deploy(deployment)
    secret = stored_in(cluster)
    assert receipt.reference == f"{cluster.url}/api/v1/namespaces/web/secrets/conformance"
    assert secret["type"] == "kubernetes.io/tls"
    assert b64decode(secret["data"]["tls.crt"]).decode() == pem.full_chain(deployment.bundle)
    assert b64decode(secret["data"]["tls.key"]).decode() == pem.key_of(deployment.bundle, "")
    assert secret["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "certrail"}
    assert secret["metadata"]["annotations"]["certrail/delivery"] == deployment.delivery
    assert list(cluster.secrets["web", "conformance"].owners) == [("certrail", "Apply")]


async def test_a_renewal_keeps_what_others_added(cluster: KubernetesApi, person: Person) -> None:
    deployment = make_deployment()
    receipt = await kubernetes(cluster).deploy(deployment)
    person.merges("conformance", {"metadata": {"labels": {"team": "web"}}, "data": {"dhparam.pem": "AAAA"}})
    newer = renewed(deployment)
    assert (await kubernetes(cluster).deploy(with_receipt(newer, receipt))).changed
    secret = stored_in(cluster)
    assert (secret["metadata"]["labels"]["team"], secret["data"]["dhparam.pem"]) == ("web", "AAAA")
    assert (await kubernetes(cluster).observe(target_of(newer))).fingerprint == newer.bundle.fingerprint


async def test_a_field_of_another_manager_is_never_forced(cluster: KubernetesApi, person: Person) -> None:
    """Somebody edited our certificate by hand: that is seen, kept, and told with the manager's name."""
    deployment = make_deployment()
    receipt = await kubernetes(cluster).deploy(deployment)
    edited = b64encode(make_bundle("by-hand.example").certificate.encode()).decode()
    person.merges("conformance", {"data": {"tls.crt": edited}})
    seen = await kubernetes(cluster).observe(target_of(with_receipt(deployment, receipt)))
    assert seen.present
    assert (seen.fingerprint, seen.key_matches) == (pem.fingerprint(b64decode(edited).decode()), False)
    with pytest.raises(Permanent, match=r"conflict with .*person.* using v1: \.data\.tls\.crt") as raised:
        await kubernetes(cluster).deploy(with_receipt(renewed(deployment), receipt))
    assert "give these fields up, or delete the secret" in raised.value.action
    assert stored_in(cluster)["data"]["tls.crt"] == edited


async def test_a_deployment_that_was_cut_after_its_write_is_adopted(cluster: KubernetesApi) -> None:
    deployment, cluster.cut_after = make_deployment(), 1
    with pytest.raises(Exception, match="cannot be reached or did not answer"):
        await kubernetes(cluster).deploy(deployment)
    version = stored_in(cluster)["metadata"]["resourceVersion"]
    assert not (await kubernetes(cluster).deploy(uncertain(deployment))).changed
    assert stored_in(cluster)["metadata"]["resourceVersion"] == version


@pytest.mark.parametrize("verb", ["deploy", "remove"])
async def test_what_changed_since_the_look_is_looked_at_again(
    cluster: KubernetesApi, person: Person, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    deployment = make_deployment()
    known = with_receipt(renewed(deployment), await kubernetes(cluster).deploy(deployment))
    find = KubernetesSecret.find

    async def found_then_changed(self: KubernetesSecret, name: str) -> Found | None:
        seen = await find(self, name)
        person.merges(name, {"metadata": {"labels": {"team": "web"}}})
        return seen

    monkeypatch.setattr(KubernetesSecret, "find", found_then_changed)
    destination = kubernetes(cluster)
    with pytest.raises(ConcurrentModification, match="the object has been modified"):
        await (destination.deploy(known) if verb == "deploy" else destination.remove(target_of(known)))
    assert ("web", "conformance") in cluster.secrets


async def test_the_role_of_the_page_is_enough_and_each_right_is_named(cluster: KubernetesApi) -> None:
    deployment, destination = make_deployment(), kubernetes(cluster)
    for missing in ("get", "create", "patch", "delete"):
        cluster.grants[cluster.token] = {"web": {"get", "create", "patch", "delete"} - {missing}}
        with pytest.raises(Unauthorized, match=f"cannot {missing} resource"):
            await _put_and_removed(destination, deployment)


async def _put_and_removed(destination: KubernetesSecret, deployment: Deployment) -> None:
    await destination.deploy(deployment)
    await destination.remove(target_of(deployment))


async def test_a_namespace_that_is_missing_is_named(cluster: KubernetesApi) -> None:
    cluster.grants[cluster.token]["missing"] = {"get", "create", "patch"}
    with pytest.raises(NotFound, match=r"namespaces .*missing.* not found"):
        await kubernetes(cluster, namespace="missing").deploy(make_deployment())


async def test_an_immutable_secret_is_reported(cluster: KubernetesApi, person: Person) -> None:
    deployment = make_deployment()
    receipt = await kubernetes(cluster).deploy(deployment)
    person.merges("conformance", {"immutable": True})
    with pytest.raises(Permanent, match="field is immutable"):
        await kubernetes(cluster).deploy(with_receipt(renewed(deployment), receipt))


@pytest.mark.parametrize("name", ["Upper", "under_score", "-begins", "a" * 254, ""])
def test_names_are_those_of_rfc_1123(name: str) -> None:
    assert not KubernetesSecret.accepts_name(name)


@pytest.mark.parametrize("change", [{"namespace": "../kube-system"}, {"namespace": "Web"}, {"token": ""}])
def test_what_would_be_misread_is_refused(cluster: KubernetesApi, change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        kubernetes(cluster, **change)

"""Listener certificates of Elastic Load Balancing as its API reference describes them.

docs.aws.amazon.com/elasticloadbalancing/latest/APIReference: AddListenerCertificates and the like. Load balancers and
listeners are made by the test, as their owner makes them by other means.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from certrail_fakes.acm_auth import Caller
from certrail_fakes.acm_rules import Refusal
from certrail_fakes.acm_state import State
from certrail_fakes.aws_service import Body, Service

ENCRYPTED = ("HTTPS", "TLS")


@dataclass
class Listener:
    """A listener: its default certificate, and the list of others, which are chosen by the name that clients send."""

    arn: str
    load_balancer: str
    protocol: str
    default: str | None
    certificates: list[str] = field(default_factory=list)

    def described(self) -> Body:
        """As DescribeListeners shows it."""
        return {
            "ListenerArn": self.arn,
            "LoadBalancerArn": self.load_balancer,
            "Protocol": self.protocol,
            "Certificates": [{"CertificateArn": self.default}] if self.default else [],
        }


class Elbv2(Service):
    """Listeners by ARN. ``settings.listener_quota`` limits the certificates of a load balancer, its defaults apart."""

    name = "elbv2"
    writes = frozenset({"AddListenerCertificates", "RemoveListenerCertificates", "ModifyListener"})

    def __init__(self, state: State, account_id: str, exists: Callable[[str, str], bool]) -> None:
        self._exists = exists
        super().__init__(state, account_id)

    def clear(self) -> None:
        """Forget all listeners."""
        self.listeners: dict[str, Listener] = {}

    def add_listener(
        self,
        default: str | None,
        *,
        protocol: str = "HTTPS",
        region: str = "eu-central-1",
        load_balancer: str = "web",
    ) -> Listener:
        """A listener with its default certificate, of an application or a network load balancer."""
        kind = "app" if protocol in ("HTTP", "HTTPS") else "net"
        parent = f"{kind}/{load_balancer}/{uuid.uuid5(uuid.NAMESPACE_DNS, load_balancer).hex[:16]}"
        start = f"arn:aws:elasticloadbalancing:{region}:{self.account_id}"
        arn = f"{start}:listener/{parent}/{uuid.uuid4().hex[:16]}"
        made = Listener(arn, f"{start}:loadbalancer/{parent}", protocol, default)
        self.listeners[arn] = made
        return made

    def users_of(self, arn: str) -> list[str]:
        """Load balancers with a listener that has the certificate."""
        found = {
            one.load_balancer for one in self.listeners.values() if arn in (one.default, *one.certificates)
        }
        return sorted(found)

    def describe_listeners(self, given: Body, caller: Caller) -> Body:
        arns = given.get("ListenerArns")
        if not arns:
            raise Refusal("ValidationError", "A load balancer ARN or listener ARN must be specified")
        return {"Listeners": [self._listener(arn, caller).described() for arn in arns]}

    def describe_listener_certificates(self, given: Body, caller: Caller) -> Body:
        listener = self._listener(given["ListenerArn"], caller)
        found = [{"CertificateArn": arn, "IsDefault": False} for arn in listener.certificates]
        if listener.default:
            found.insert(0, {"CertificateArn": listener.default, "IsDefault": True})
        start, size = int(given.get("Marker", 0)), given.get("PageSize", 400)
        return {
            "Certificates": found[start : start + size],
            "NextMarker": str(start + size) if start + size < len(found) else None,
        }

    def add_listener_certificates(self, given: Body, caller: Caller) -> Body:
        listener, arn = self._encrypted(given, caller), self._certificate(given, caller)
        if arn not in listener.certificates:
            if len(self._of(listener.load_balancer)) >= self.state.settings.listener_quota:
                raise Refusal("TooManyCertificates", "The maximum number of certificates has been reached")
            listener.certificates.append(arn)
        return {"Certificates": [{"CertificateArn": arn, "IsDefault": False}]}

    def remove_listener_certificates(self, given: Body, caller: Caller) -> Body:
        listener, arn = self._encrypted(given, caller), _only(given)
        if arn in listener.certificates:
            listener.certificates.remove(arn)
        elif arn == listener.default:
            raise Refusal("OperationNotPermitted", "Default certificate cannot be removed")
        return {}

    def modify_listener(self, given: Body, caller: Caller) -> Body:
        listener = self._encrypted(given, caller)
        if given.keys() - {"ListenerArn", "Certificates"}:
            raise Refusal("ValidationError", "This fake modifies the default certificate only")
        listener.default = self._certificate(given, caller)
        return {"Listeners": [listener.described()]}

    def _listener(self, arn: str, caller: Caller) -> Listener:
        found = self.listeners.get(arn)
        if found is None or arn.split(":")[3] != caller.region:
            raise Refusal("ListenerNotFound", "One or more listeners not found")
        return found

    def _encrypted(self, given: Body, caller: Caller) -> Listener:
        listener = self._listener(given["ListenerArn"], caller)
        if listener.protocol not in ENCRYPTED:
            raise Refusal(
                "UnsupportedProtocol", f"Certificates cannot be given to a listener with {listener.protocol}"
            )
        return listener

    def _certificate(self, given: Body, caller: Caller) -> str:
        arn = _only(given)
        if not self._exists(caller.region, arn):
            raise Refusal("CertificateNotFound", f"Certificate ARN '{arn}' is not valid")
        return arn

    def _of(self, load_balancer: str) -> set[str]:
        listeners = [one for one in self.listeners.values() if one.load_balancer == load_balancer]
        return {arn for one in listeners for arn in one.certificates}


def _only(given: Body) -> str:
    found = given.get("Certificates") or []
    if len(found) != 1 or "IsDefault" in found[0] or not found[0].get("CertificateArn"):
        raise Refusal("ValidationError", "Exactly one certificate must be specified, without IsDefault")
    return str(found[0]["CertificateArn"])

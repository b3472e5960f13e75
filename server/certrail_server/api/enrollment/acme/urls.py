"""URLs of one ACME server; ids are in them, because slugs may change."""

from dataclasses import dataclass

from fastapi import Request

from certrail.services.enrollment.acme.scope import AcmeScope
from certrail.services.facade import Services


@dataclass(frozen=True)
class Urls:
    """Below the base of one enrollment."""

    base: str

    @classmethod
    def of(cls, request: Request, scope: AcmeScope) -> "Urls":
        """Of the enrollment that a call is about."""
        application = f"/applications/{scope.application_id}" if scope.application_id else ""
        return cls(f"{root_of(request)}/acme{application}/profiles/{scope.profile.id}")

    def __getattr__(self, name: str) -> str:
        """A resource without an id: ``urls.new_order``."""
        if name.startswith("_"):
            raise AttributeError(name)
        return f"{self.base}/{name.replace('_', '-')}"

    def account(self, ident: str) -> str:
        """An account; the `kid` of its requests."""
        return f"{self.base}/account/{ident}"

    def order(self, ident: str, what: str = "") -> str:
        """An order, or `what` is below it."""
        return f"{self.base}/order/{ident}" + (f"/{what}" if what else "")

    def authorization(self, ident: str) -> str:
        """An authorization."""
        return f"{self.base}/authorization/{ident}"

    def challenge(self, ident: str) -> str:
        """A challenge."""
        return f"{self.base}/challenge/{ident}"


def root_of(request: Request) -> str:
    """Under which clients reach this server: as configured, else as it was called."""
    services: Services = request.app.state.services
    return (services.context.public_url or str(request.base_url)).rstrip("/")


def called(request: Request) -> str:
    """The URL of a call as its client must have signed it."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{root_of(request)}{request.url.path}{query}"

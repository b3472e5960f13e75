"""The notifier: title and text of a message, handed to whatever service an Apprise URL names."""

import asyncio
import logging

import apprise

from certrail_notifier_apprise.config import AppriseConfig
from certrail_sdk import Misconfigured, Notification, Notifier, Retryable, Sent, Severity, Stage
from certrail_sdk.http import AddressRefused, resolve_public

TYPES = {
    Severity.INFO: apprise.NotifyType.INFO,
    Severity.WARNING: apprise.NotifyType.WARNING,
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
}

SERVERS = ("smtp_host", "xmpp_host")

# Apprise writes whole URLs, and thereby every token, to its log.
logging.getLogger("apprise").addFilter(lambda _record: False)


class AppriseNotifier(Notifier[AppriseConfig]):
    """Sends wherever the Apprise library reaches."""

    name = "apprise"
    title = "Apprise"
    connection_type = "apprise"

    async def check(self) -> None:
        """Look at the URL and where it leads; most services have no way to be tried without a message."""
        await self._service()

    async def send(self, notification: Notification) -> Sent:
        service = await self._service()
        closed = notification.incident and notification.stage is Stage.CLOSED
        kind = apprise.NotifyType.SUCCESS if closed else TYPES[notification.severity]
        lines = [notification.summary, *(f"{fact.label}: {fact.value}" for fact in notification.facts)]
        body = "\n".join([*lines, *([notification.link] if notification.link else [])])
        said = {"body": body, "title": notification.title, "body_format": apprise.NotifyFormat.TEXT}
        if not await asyncio.to_thread(service.notify, notify_type=kind, **said):
            raise Retryable(f"{service.service_name} did not take the message; Apprise does not say why.")
        return Sent(reference=notification.id)

    async def _service(self) -> apprise.NotifyBase:
        service = self.config.service()
        if service is None:
            raise Misconfigured("url", "Apprise does not understand this URL")
        for host in _hosts(service):
            if self.config.allows(host):
                continue
            try:
                await resolve_public(host, service.port or 443)
            except AddressRefused:
                action = "Use a public server, or have the host named in allowed_hosts."
                raise Misconfigured("url", "its host is not public", action=action) from None
            except OSError:
                raise Retryable("The host of the Apprise URL cannot be resolved.") from None
        return service


def _hosts(service: apprise.NotifyBase) -> set[str]:
    """What would be connected to, as far as the URL says so.

    Mail and XMPP may have a server besides the domain in the URL. Where no form of the URL has a host, a token stands
    in its place, which no resolver shall see.
    """
    forms: tuple[str, ...] = service.templates
    named = (service.host,) if any("{host}" in form for form in forms) else ()
    servers = (getattr(service, name, None) for name in SERVERS)
    return {*named, *(server for server in servers if server)}

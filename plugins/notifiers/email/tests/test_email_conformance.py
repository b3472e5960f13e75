"""The e-mail notifier keeps every rule of the contract."""

from collections.abc import AsyncIterator, Callable

import pytest

from certrail_fakes.smtp import SmtpServer
from certrail_notifier_email import Email, EmailConfig
from certrail_sdk.testing import NotifierConformance

PASSWORD = "correct horse battery staple"


@pytest.fixture
async def server() -> AsyncIterator[SmtpServer]:
    async with SmtpServer(require_tls=True, credentials=("certrail", PASSWORD)) as running:
        yield running


def email(server: SmtpServer, password: str) -> Email:
    values = {
        "host": server.host,
        "port": server.port,
        "username": "certrail",
        "password": password,
        "ca_file": server.ca_file,
        "sender": "certrail@example.org",
        "recipients": ["ann@example.com"],
    }
    return Email(EmailConfig.parse(values))


class TestEmail(NotifierConformance):
    @pytest.fixture
    def build(self, server: SmtpServer) -> Callable[[], Email]:
        return lambda: email(server, PASSWORD)

    @pytest.fixture
    def broken(self, server: SmtpServer) -> Email:
        return email(server, "not the password")

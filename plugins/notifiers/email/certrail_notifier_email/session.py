"""A conversation with the mail server, with its failures as errors of the SDK."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiosmtplib

from certrail_notifier_email.config import EmailConfig, Security
from certrail_notifier_email.message import one_line
from certrail_sdk import Misconfigured, Permanent, PluginError, Retryable, Unauthorized
from certrail_sdk.http import tls_context

HOSTNAME_MISMATCH, IP_MISMATCH = 62, 64
"""OpenSSL verification codes X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""


@asynccontextmanager
async def open_session(config: EmailConfig) -> AsyncIterator[aiosmtplib.SMTP]:
    """Connect, secure the connection and log in.

    Raises:
        PluginError: for every failure, also for those of the body.
    """
    client = aiosmtplib.SMTP(
        hostname=config.host,
        port=config.effective_port,
        timeout=config.timeout_seconds,
        use_tls=config.security is Security.TLS,
        start_tls=False,
        tls_context=await asyncio.to_thread(tls_context, config.ca_file),
    )
    try:
        await client.connect()
        await _secure(client, config)
        await _log_in(client, config)
        yield client
        with suppress(aiosmtplib.SMTPException, OSError):
            await client.quit()
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _translated(error, config) from error
    finally:
        client.close()


def words(code: int, text: str) -> str:
    """An answer of the server, fit for one line of a log."""
    return one_line(f"{code} {text}")[:200]


async def _secure(client: aiosmtplib.SMTP, config: EmailConfig) -> None:
    await client.ehlo()
    if config.security is not Security.STARTTLS:
        return
    if not client.supports_extension("starttls"):
        raise Misconfigured("security", f"{_server(config)} does not offer STARTTLS")
    await client.starttls()
    await client.ehlo()


async def _log_in(client: aiosmtplib.SMTP, config: EmailConfig) -> None:
    if config.username is None or config.password is None:
        return
    if not client.supported_auth_methods:
        raise Misconfigured("username", f"{_server(config)} offers no login that a password is good for")
    try:
        await client.login(config.username, config.password.get_secret_value())
    except aiosmtplib.SMTPAuthenticationError as error:
        # The server's words stay out: a server may echo what it was given.
        message = f"{_server(config)} answered {error.code} to the user name and password"
        raise (Unauthorized(message) if error.code >= 500 else Retryable(message)) from None


def _translated(error: Exception, config: EmailConfig) -> PluginError:
    server = _server(config)
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return _none_accepted(error.recipients, server)
    if isinstance(error, aiosmtplib.SMTPSenderRefused) and error.code == 530:
        return Unauthorized(f"{server} asks for TLS or a login: {words(error.code, error.message)}")
    if isinstance(error, aiosmtplib.SMTPSenderRefused) and error.code >= 500:
        return Misconfigured("sender", f"{server} answered {words(error.code, error.message)}")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        message = f"{server} answered {words(error.code, error.message)}"
        return Permanent(message) if error.code >= 500 else Retryable(message)
    if refused := _certificate_error(error):
        field = "host" if refused.verify_code in (HOSTNAME_MISMATCH, IP_MISMATCH) else "ca_file"
        return Misconfigured(field, f"the certificate of {server} is refused: {refused.verify_message}")
    return Retryable(f"{server} cannot be talked to: {error}")


def _none_accepted(refusals: list[aiosmtplib.SMTPRecipientRefused], server: str) -> PluginError:
    answers = "; ".join(f"{each.recipient}: {words(each.code, each.message)}" for each in refusals)
    message = f"{server} accepted no recipient: {answers}"
    # Nobody has the mail yet, so one temporary refusal is enough to make a second try useful.
    return Retryable(message) if any(each.code < 500 for each in refusals) else Permanent(message)


def _certificate_error(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__
    return error


def _server(config: EmailConfig) -> str:
    return f"mail server {config.host}:{config.effective_port}"

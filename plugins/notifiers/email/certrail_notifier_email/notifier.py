"""The notifier: one SMTP transaction for all recipients."""

from certrail_notifier_email.config import EmailConfig
from certrail_notifier_email.message import compose
from certrail_notifier_email.session import open_session, words
from certrail_sdk import Notification, Notifier, Recipient, Sent


class Email(Notifier[EmailConfig]):
    """Sends one mail to all recipients of the channel."""

    name = "email"
    title = "E-mail"
    connection_type = "smtp"

    async def check(self) -> None:
        """Connect, secure the connection, log in and ask for a sign of life; nothing is sent."""
        async with open_session(self.config) as client:
            await client.noop()

    async def send(self, notification: Notification) -> Sent:
        mail = compose(self.config, notification)
        recipients = self.config.recipients
        async with open_session(self.config) as client:
            refused, _ = await client.sendmail(self.config.sender, recipients, mail.as_bytes())
        # A repeat would reach those who have the mail already: refused ones are reported, not retried.
        details = {address: words(answer.code, answer.message) for address, answer in refused.items()}
        results = (
            Recipient(address=a, accepted=a not in details, detail=details.get(a, "")) for a in recipients
        )
        return Sent(reference=str(mail["Message-ID"]), recipients=tuple(results))

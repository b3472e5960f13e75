"""One notification as an e-mail: plain text and HTML, the same bytes at every try."""

import hashlib
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

from certrail_notifier_email.config import EmailConfig
from certrail_sdk import Notification, Severity

SEVEN_BIT = SMTP.clone(cte_type="7bit")
"""Any server takes it, also one without 8BITMIME."""

COLOURS = {Severity.INFO: "#2563eb", Severity.WARNING: "#b45309", Severity.CRITICAL: "#b91c1c"}

PAGE = """<!doctype html>
<html lang="en"><body style="margin:0;padding:24px;background:#f3f4f6;font-family:Arial,Helvetica,sans-serif">
<div style="max-width:600px;margin:0 auto;padding:24px;background:#ffffff;border-top:4px solid {colour}">
<p style="margin:0;color:{colour};font-size:13px">{severity}</p>
<h1 style="margin:4px 0 12px;font-size:20px;color:#111827">{title}</h1>
<p style="font-size:15px;line-height:1.5;color:#374151">{summary}</p>
{facts}{link}<p style="margin:24px 0 0;font-size:12px;color:#6b7280">{footer}</p>
</div></body></html>
"""
ROW = (
    '<tr><th align="left" valign="top" style="padding:6px 16px 6px 0;color:#6b7280;font-weight:normal">'
    '{label}</th><td style="padding:6px 0;color:#111827;word-break:break-word">{value}</td></tr>\n'
)
TABLE = '<table role="presentation" style="font-size:14px;border-collapse:collapse">\n{rows}</table>\n'
LINK = (
    '<p style="margin:20px 0 0"><a href="{url}" style="display:inline-block;padding:10px 16px;'
    'background:{colour};color:#ffffff;text-decoration:none">Show details</a></p>\n'
)


def compose(config: EmailConfig, notification: Notification) -> EmailMessage:
    """The mail that tells of this notification."""
    mail = EmailMessage(policy=SEVEN_BIT)
    mail["From"] = config.sender
    mail["To"] = ", ".join(config.recipients)
    if config.reply_to:
        mail["Reply-To"] = config.reply_to
    mail["Subject"] = one_line(f"{config.subject_prefix} {notification.title}")
    mail["Date"] = format_datetime(notification.occurred_at)
    mail["Message-ID"] = message_id(config, notification)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Certrail-Event"] = one_line(notification.event_type)
    mail.set_content(_text(notification))
    mail.add_alternative(_html(notification), subtype="html")
    mail.set_boundary(f"=_{_digest(config, notification)[:32]}")
    return mail


def message_id(config: EmailConfig, notification: Notification) -> str:
    """The same for the same notification and recipients, so that a repeated mail is recognised."""
    domain = config.sender.rpartition("@")[2]
    return f"<{_digest(config, notification)[:40]}@{domain}>"


def one_line(text: str) -> str:
    """The text without line breaks and control characters: fit for a header."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _digest(config: EmailConfig, notification: Notification) -> str:
    recipients = sorted(address.lower() for address in config.recipients)
    return hashlib.sha256("\n".join((notification.id, *recipients)).encode()).hexdigest()


def _footer(notification: Notification) -> str:
    about = f"application {notification.application}" if notification.application else notification.source
    return f"{notification.event_type}, {about}, {notification.occurred_at:%Y-%m-%d %H:%M:%S %Z}"


def _text(notification: Notification) -> str:
    width = max((len(fact.label) for fact in notification.facts), default=0)
    facts = "\n".join(f"{fact.label + ':':<{width + 2}}{fact.value}" for fact in notification.facts)
    parts = (notification.title, notification.summary, facts, notification.link or "", _footer(notification))
    return "\n\n".join(part for part in parts if part) + "\n"


def _html(notification: Notification) -> str:
    colour = COLOURS[notification.severity]
    rows = "".join(ROW.format(label=escape(f.label), value=_lines(f.value)) for f in notification.facts)
    link = LINK.format(url=escape(notification.link), colour=colour) if notification.link else ""
    return PAGE.format(
        colour=colour,
        severity=notification.severity.value,
        title=escape(notification.title),
        summary=_lines(notification.summary),
        facts=TABLE.format(rows=rows) if rows else "",
        link=link,
        footer=escape(_footer(notification)),
    )


def _lines(text: str) -> str:
    return "<br>".join(escape(line) for line in text.splitlines())

"""What a channel must know to talk with a Slack workspace."""

from urllib.parse import SplitResult, urlsplit

from pydantic import Field, field_validator

from certrail_sdk import Config, Secret, connection_field
from certrail_sdk.http import HostName, is_listed, is_loopback


class SlackConfig(Config):
    """The app's credentials and the channel it speaks in."""

    bot_token: Secret = connection_field(
        title="Bot token",
        description="Bot User OAuth Token of the app, xoxb-...",
        min_length=1,
        max_length=512,
    )
    signing_secret: Secret = connection_field(
        title="Signing secret",
        description="From the app's Basic Information page; proves that a click comes from Slack.",
        min_length=1,
        max_length=256,
    )
    app_token: Secret | None = connection_field(
        None,
        title="App token",
        description="App-level token xapp-... with connections:write, to receive clicks over Socket Mode.",
        min_length=1,
        max_length=512,
    )
    api_url: str = connection_field(
        "https://slack.com/api/",
        title="API URL",
        description="Base of the Web API. https; http only on the loopback interface.",
        max_length=2048,
    )
    response_hosts: tuple[HostName, ...] = connection_field(
        ("hooks.slack.com",),
        title="Response hosts",
        description="Hosts that a click may name for our answer to the person who clicked.",
        min_length=1,
        max_length=10,
    )
    channel: str = Field(
        title="Channel",
        description="Channel id (C... or G...) or #name; the id survives a renaming.",
        pattern=r"^([CG][A-Z0-9]{2,}|#[^\s#]{1,80})$",
    )

    @field_validator("api_url")
    @classmethod
    def _usable_api_url(cls, value: str) -> str:
        url = parsed(value)
        if url is None or url.query or url.fragment:
            raise ValueError("give an absolute https URL without user name, query or fragment")
        if url.scheme == "http" and not is_loopback(url.hostname or ""):
            raise ValueError("http is only for the loopback interface; use https")
        return value if value.endswith("/") else f"{value}/"

    @property
    def is_local(self) -> bool:
        """Whether the API is on this machine."""
        return is_loopback(urlsplit(self.api_url).hostname or "")

    def may_answer_at(self, response_url: str) -> bool:
        """Whether our answer to a person may be posted to this URL."""
        url = parsed(response_url)
        if url is None or not is_listed(url.hostname or "", self.response_hosts):
            return False
        return is_loopback(url.hostname or "") or (url.scheme == "https" and url.port in (None, 443))


def parsed(value: str) -> SplitResult | None:
    """An absolute http or https URL without credentials, else ``None``."""
    try:
        url = urlsplit(value)
        usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        return None
    return url if usable and "@" not in url.netloc else None

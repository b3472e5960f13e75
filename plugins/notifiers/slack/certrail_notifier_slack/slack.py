"""The notifier: messages and questions in a Slack channel, and the answers that come back."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from slack_sdk.errors import SlackApiError

from certrail_notifier_slack import answers, blocks, callbacks, channels, listener
from certrail_notifier_slack.callbacks import CommentWanted, Payload, Reply
from certrail_notifier_slack.config import SlackConfig
from certrail_notifier_slack.errors import code_of, translated_errors
from certrail_notifier_slack.web import CALLBACK_SECONDS, web_client
from certrail_sdk import (
    CallbackRequest,
    CallbackResponse,
    Forged,
    Interaction,
    Malformed,
    Misconfigured,
    Notification,
    Notifier,
    Outcome,
    Permanent,
    PluginError,
    Question,
    Sent,
    Unauthorized,
)

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

NEEDED_SCOPES = ("chat:write", "users:read", "users:read.email")
CLOCKS_APART = timedelta(minutes=10)
NOT_STORED = Outcome(state="not_recorded", message=answers.NOT_RECORDED)
NO_SUCH_USER = frozenset({"user_not_found", "users_not_found", "user_not_visible"})


class Slack(Notifier[SlackConfig]):
    """Posts to a Slack channel, asks there, and hears the answers over HTTP or Socket Mode."""

    name = "slack"
    title = "Slack"
    connection_type = "slack"
    shares_answers = True

    async def check(self) -> None:
        """Prove the tokens, the scopes and that the app is in the channel."""
        web = web_client(self.config)
        async with translated_errors():
            headers = (await web.auth_test()).headers
            _require_scopes(headers, *NEEDED_SCOPES)
            channel = await channels.find_channel(web, self.config.channel)
            _require_scopes(headers, "groups:history" if channel.get("is_private") else "channels:history")
        if channel.get("is_archived"):
            raise Misconfigured("channel", "the channel is archived")
        if not channel.get("is_member", True):
            raise Misconfigured("channel", "the app is not in this channel; invite it there")
        if self.config.app_token:
            await self._check_app_token()

    async def send(self, notification: Notification) -> Sent:
        facts = (f"{fact.label}: {fact.value}" for fact in notification.facts)
        text = blocks.fallback(notification.title, notification.summary, *facts)
        content = {"text": text, "blocks": blocks.notification_blocks(notification)}
        identity = channels.metadata("certrail_notification", notification.id)
        reference = None
        if notification.may_exist:
            reference = await self._earlier(identity, notification.occurred_at - CLOCKS_APART)
        return Sent(reference=reference or await self._post(content, identity))

    async def ask(self, question: Question) -> Sent:
        identity = channels.metadata("certrail_question", question.id)
        reference = await self._earlier(identity, None) if question.may_exist else None
        if reference is None:
            return Sent(reference=await self._post(_content(question), identity))
        # What stands there may be older than the question's present state.
        await self.update(reference, question)
        return Sent(reference=reference)

    async def update(self, reference: str, question: Question) -> None:
        channel, _, ts = reference.partition(":")
        if not channel or not ts:
            raise Permanent(f"{reference!r} names no Slack message; a reference looks like C123:1700.0001")
        identity = channels.metadata("certrail_question", question.id)
        async with translated_errors():
            await web_client(self.config).chat_update(
                channel=channel, ts=ts, metadata=identity, **_content(question)
            )

    async def receive(self, request: CallbackRequest) -> Interaction | CallbackResponse:
        replay_key = callbacks.verified(request, self.config.signing_secret)
        return await self._read(callbacks.payload_of(request), replay_key)

    async def acknowledge(self, interaction: Interaction, outcome: Outcome) -> CallbackResponse:
        return await answers.tell(self.config, Reply.unpacked(interaction.reply), outcome)

    async def email_of(self, interaction: Interaction) -> str | None:
        web = web_client(self.config, CALLBACK_SECONDS)
        async with translated_errors():
            user = await _user(web, interaction.sender)
            home = (await web.auth_test())["team_id"] if user else None
        if not user or home != interaction.workspace:
            return None
        return _verified_email(user, home)

    def wants_listener(self) -> bool:
        return self.config.app_token is not None

    async def listen(self, answer: Callable[[Interaction | Forged | Malformed], Awaitable[Outcome]]) -> None:
        async def handle(payload: Payload, envelope_id: str) -> CallbackResponse | None:
            try:
                read = await self._read(payload, envelope_id)
            except (Forged, Malformed) as error:
                await answer(error)
                return None
            if isinstance(read, CallbackResponse):
                return read
            return await self.acknowledge(read, await answer(read))

        await listener.serve(self.config, handle)

    async def _read(self, payload: Payload, replay_key: str) -> Interaction | CallbackResponse:
        read = callbacks.read(payload, replay_key, self.config)
        return await self._ask_comment(read) if isinstance(read, CommentWanted) else read

    async def _ask_comment(self, wanted: CommentWanted) -> CallbackResponse:
        view = blocks.comment_modal(wanted.label, wanted.private_metadata.get_secret_value())
        try:
            async with translated_errors():
                web = web_client(self.config, CALLBACK_SECONDS)
                await web.views_open(trigger_id=wanted.trigger_id, view=view)
        except PluginError as error:
            self.context.logger.warning("the window for a comment could not be opened: %s", error)
            return await answers.tell(self.config, Reply("message", _clear(wanted.url)), NOT_STORED)
        return callbacks.NOTHING_TO_DO

    async def _post(self, content: dict[str, Any], identity: dict[str, Any]) -> str:
        async with translated_errors():
            posted = await web_client(self.config).chat_postMessage(
                channel=self.config.channel,
                metadata=identity,
                unfurl_links=False,
                unfurl_media=False,
                **content,
            )
        return f"{posted['channel']}:{posted['ts']}"

    async def _earlier(self, identity: dict[str, Any], oldest: datetime | None) -> str | None:
        web = web_client(self.config)
        async with translated_errors():
            channel = self.config.channel
            if channel.startswith("#"):
                channel = str((await channels.find_channel(web, channel))["id"])
            ts = await channels.find_own_message(web, channel, identity, oldest)
        return f"{channel}:{ts}" if ts else None

    async def _check_app_token(self) -> None:
        try:
            await listener.connection_url(self.config)
        except Unauthorized as error:
            raise Unauthorized(f"app token: {error}") from None


def _content(question: Question) -> dict[str, Any]:
    facts = (f"{fact.label}: {fact.value}" for fact in question.facts)
    text = blocks.fallback(question.title, question.status, question.summary, *facts)
    return {"text": text, "blocks": blocks.question_blocks(question)}


async def _user(web: "AsyncWebClient", sender: str) -> dict[str, Any] | None:
    try:
        return dict((await web.users_info(user=sender))["user"])
    except SlackApiError as error:
        if code_of(error) in NO_SUCH_USER:
            return None
        raise


def _verified_email(user: Mapping[str, Any], team_id: str) -> str | None:
    """The address, if our own workspace vouches for it: another one could claim anybody's."""
    doubtful = any(user.get(flag) for flag in ("deleted", "is_bot", "is_stranger"))
    if doubtful or user.get("team_id") != team_id or user.get("is_email_confirmed") is False:
        return None
    return (user.get("profile") or {}).get("email") or None


def _require_scopes(headers: Mapping[str, str], *needed: str) -> None:
    granted = {name.lower(): value for name, value in headers.items()}.get("x-oauth-scopes")
    if granted is None:
        return
    missing = [scope for scope in needed if scope not in granted.replace(" ", "").split(",")]
    if missing:
        raise Unauthorized(f"the app lacks {', '.join(missing)}; add the scopes and install it again")


def _clear(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""

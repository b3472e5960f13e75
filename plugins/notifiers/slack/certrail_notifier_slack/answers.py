"""What we tell a person who pressed a button."""

import json

import aiohttp

from certrail_notifier_slack.blocks import COMMENT_BLOCK, ERROR_LIMIT, clip, fallback
from certrail_notifier_slack.callbacks import Reply
from certrail_notifier_slack.config import SlackConfig
from certrail_sdk import CallbackResponse, Outcome

SECONDS = 3
NOT_RECORDED = "Your answer was not recorded. Please try again."

DONE = CallbackResponse(status=200)
FAILED = CallbackResponse(status=500, body=NOT_RECORDED.encode())
"""Slack shows the person a warning: the last way left to say that something went wrong."""


async def tell(config: SlackConfig, reply: Reply, outcome: Outcome) -> CallbackResponse:
    """Answer in the modal, or beside the message for this person alone."""
    if outcome.state == "recorded":
        return DONE
    text = words(outcome)
    if reply.kind == "modal":
        errors = {COMMENT_BLOCK: clip(text, ERROR_LIMIT)}
        body = json.dumps({"response_action": "errors", "errors": errors}).encode()
        return CallbackResponse(status=200, body=body, content_type="application/json")
    return DONE if await whisper(config, reply.url, text) else FAILED


def words(outcome: Outcome) -> str:
    """The outcome in one or two sentences."""
    if outcome.state != "not_recorded" or outcome.message == NOT_RECORDED:
        return outcome.message
    return f"{NOT_RECORDED} {outcome.message}".strip()


async def whisper(config: SlackConfig, url: str, text: str) -> bool:
    """Post to a response_url; says whether Slack took it."""
    if not url or not config.may_answer_at(url):
        return False
    message = {"response_type": "ephemeral", "replace_original": False, "text": fallback(text)}
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=not config.is_local) as session,
            session.post(url, json=message, allow_redirects=False) as response,
        ):
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False

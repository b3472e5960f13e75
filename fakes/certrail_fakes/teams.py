"""What a Power Automate workflow takes when it posts Adaptive Cards for a webhook, and what it answers.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using: 202 when the
run was started, 28 KB for a message, and one attachment or more of the card's content type.
"""

import json
from typing import Any

from certrail_fakes.receiver import Answer, Received, WebhookReceiver

LIMIT = 28 * 1024
CARD = "application/vnd.microsoft.card.adaptive"
BLOCKS = {"TextBlock", "FactSet"}


class TeamsWorkflow(WebhookReceiver):
    """Keeps the cards that it was given; ``script`` makes it answer something else."""

    @property
    def url(self) -> str:
        """As Teams shows it: the signature in it is what lets somebody post."""
        return f"{super().url}/workflows/42/triggers/manual/paths/invoke?api-version=2024-10-01&sig=c2VjcmV0LXNpZ24"

    @property
    def cards(self) -> list[dict[str, Any]]:
        """Every card that was taken."""
        return [json.loads(request.body)["attachments"][0]["content"] for request in self.requests]

    def take(self, request: Received) -> Answer:
        """Keep one request and say how to answer it."""
        answer = super().take(request)
        if answer.status != 200:
            return answer
        if len(request.body) > LIMIT:
            return Answer(413, body=b"RequestEntityTooLarge")
        return Answer(202) if _is_card(request) else Answer(400, body=b"InvalidRequestContent")


def _is_card(request: Received) -> bool:
    if request.headers.get("content-type") != "application/json":
        return False
    message = json.loads(request.body)
    attachments = message.get("attachments")
    if message.get("type") != "message" or not isinstance(attachments, list) or not attachments:
        return False
    return all(
        item.get("contentType") == CARD and _is_content(item.get("content", {})) for item in attachments
    )


def _is_content(card: dict[str, Any]) -> bool:
    known = card.get("type") == "AdaptiveCard" and card.get("version") in {"1.2", "1.3", "1.4", "1.5"}
    blocks = card.get("body", [])
    actions = card.get("actions", [])
    facts = [fact for block in blocks if block.get("type") == "FactSet" for fact in block["facts"]]
    return (
        known
        and bool(blocks)
        and all(block.get("type") in BLOCKS for block in blocks)
        and all(isinstance(b["text"], str) and b["text"] for b in blocks if b["type"] == "TextBlock")
        and all({"title", "value"} == fact.keys() for fact in facts)
        and all(a.get("type") == "Action.OpenUrl" and a.get("url", "").startswith("http") for a in actions)
    )

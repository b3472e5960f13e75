"""PagerDuty's Events API V2 as its documents say, over TLS.

https://developer.pagerduty.com/docs/send-alert-event: what is sent, its limits, and the answers.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from certrail_fakes.receiver import Answer, Received, WebhookReceiver

ACTIONS = {"trigger", "acknowledge", "resolve"}
SEVERITIES = {"critical", "error", "warning", "info"}
ROUTING_KEY = "0123456789abcdef0123456789abcdef"
LIMIT = 512 * 1024
PATH = "/v2/enqueue"


@dataclass
class Incident:
    """What PagerDuty knows under one deduplication key."""

    status: str
    triggers: int = 1
    payload: dict[str, Any] = field(default_factory=dict)


class PagerDutyServer(WebhookReceiver):
    """Keeps incidents by deduplication key; ``script`` makes it answer something else."""

    def __init__(self) -> None:
        super().__init__(tls=True)
        self.incidents: dict[str, Incident] = {}

    @property
    def url(self) -> str:
        """The base of the API."""
        return f"https://{self.host}:{self.port}"

    def take(self, request: Received) -> Answer:
        """Keep one request and say how to answer it."""
        answer = super().take(request)
        if answer.status != 200:
            return answer
        if request.path != PATH or len(request.body) > LIMIT:
            return Answer(413 if request.path == PATH else 404)
        event = json.loads(request.body)
        if errors := _errors(event):
            return _json(
                400, {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
            )
        key = self._enqueue(event)
        return _json(202, {"status": "success", "message": "Event processed", "dedup_key": key})

    def _enqueue(self, event: dict[str, Any]) -> str:
        key = str(event.get("dedup_key") or f"made-{len(self.incidents)}")
        present = self.incidents.get(key)
        running = present if present is not None and present.status != "resolved" else None
        if event["event_action"] == "trigger":
            status, triggers = (running.status, running.triggers + 1) if running else ("triggered", 1)
            self.incidents[key] = Incident(status, triggers, event["payload"])
        elif running:
            running.status = {"acknowledge": "acknowledged", "resolve": "resolved"}[event["event_action"]]
        return key


def _errors(event: dict[str, Any]) -> list[str]:
    action, key = event.get("event_action"), event.get("dedup_key") or ""
    wrong = {
        "'routing_key' is invalid": event.get("routing_key") != ROUTING_KEY,
        "'event_action' is missing or invalid": action not in ACTIONS,
        "'dedup_key' is longer than 255 characters": len(key) > 255,
        "'dedup_key' is missing": action != "trigger" and not key,
    }
    if action == "trigger":
        payload = event.get("payload") or {}
        wrong["'payload.summary' is missing or too long"] = not 0 < len(payload.get("summary") or "") <= 1024
        wrong["'payload.source' is missing"] = not payload.get("source")
        wrong["'payload.severity' is invalid"] = payload.get("severity") not in SEVERITIES
    return [words for words, holds in wrong.items() if holds]


def _json(status: int, body: dict[str, Any]) -> Answer:
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(body).encode())

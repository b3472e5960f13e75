"""One service of an AWS account: actions as methods, requests checked by the vendor's description."""

import threading
from collections.abc import Mapping
from typing import Any, ClassVar

from botocore import xform_name
from werkzeug.wrappers import Request, Response

from certrail_fakes.acm_auth import Caller
from certrail_fakes.acm_rules import Lost, Refusal
from certrail_fakes.acm_state import State
from certrail_fakes.aws_protocol import as_json, as_xml, check, described, from_query, operation, status_of

Body = dict[str, Any]


class Service:
    """Subclass it: a method for each action, in snake case, from parameters to answer."""

    name: ClassVar[str]
    """botocore's name of the service."""
    invalid: ClassVar[str] = "ValidationError"
    """Error code for a request that its description does not allow."""
    writes: ClassVar[frozenset[str]]
    """Actions whose answers ``lose_answers`` loses."""

    def __init__(self, state: State, account_id: str) -> None:
        self.state = state
        self.account_id = account_id
        self.model = described(self.name)
        self._one_at_a_time = threading.RLock()
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        raise NotImplementedError

    def users_of(self, arn: str) -> list[str]:
        """What of this service uses a certificate."""
        return []

    def answer(
        self, request: Request, action: str, body: Mapping[str, Any] | None, caller: Caller
    ) -> Response:
        """Answer one request that was admitted; ``body`` is that of a JSON request.

        Raises:
            Refusal: with the status that the description gives to its error code.
            Lost: the action was carried out and the connection is to be cut.
        """
        chosen, perform = operation(self.model, action), getattr(self, xform_name(action), None)
        if perform is None:
            raise Refusal("InvalidAction", f"This fake does not know {action}")
        asked: Any = chosen.input_shape
        given = dict(body) if body is not None else from_query(asked, request.form)
        check(asked, given, action, self.invalid)
        try:
            with self._one_at_a_time:
                answer = perform(given, caller) or {}
        except Refusal as refusal:
            raise Refusal(refusal.code, refusal.message, status_of(self.model, refusal.code)) from None
        if action in self.writes and self.state.take("lose_answers"):
            raise Lost
        if body is not None:
            return Response(as_json(answer), mimetype="application/x-amz-json-1.1")
        return Response(as_xml(self.model, chosen, answer), mimetype="text/xml")


def tags_of(given: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a request by their keys."""
    return {tag["Key"]: tag.get("Value", "") for tag in given.get("Tags") or ()}


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as an answer lists them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]

"""Rules of a notifier about the answers that come back: who gave them, and whether they are genuine."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, cast

import pytest

from certrail_sdk import (
    CallbackRequest,
    Forged,
    Interaction,
    Interactive,
    Malformed,
    Notifier,
    Outcome,
    Question,
)
from certrail_sdk.testing.canary import LogWatch, refuse_secrets, secrets_in
from certrail_sdk.testing.material import make_question
from certrail_sdk.testing.provided import awaited, given
from certrail_sdk.testing.watch import unblocked

Build = Callable[[], Notifier[Any]]
Genuine = Callable[[Question, str, str], CallbackRequest | Awaitable[CallbackRequest]]
LATE = timedelta(hours=1)


class CallbackRules:
    """Part of `InteractiveConformance`."""

    @pytest.fixture
    def genuine(self) -> Genuine | None:
        """``genuine(question, answer, person)``: the callback as the other side sends it when that person takes the
        answer, ``approve``, of the question that was posted; signed, and another one at each call."""
        return None

    @pytest.fixture
    def people(self) -> tuple[str, str]:
        """The other side's own ids of two persons whose addresses are verified."""
        return "person-1", "person-2"

    @pytest.fixture
    def unverified(self) -> str | None:
        """The id of a person for whose address the other side does not vouch."""
        return None

    @pytest.fixture
    def said(self) -> Callable[[], str] | None:
        """What the other side has shown the person so far, beside the answer to the callback itself."""
        return None

    async def test_reads_an_answer(
        self, build: Build, genuine: Genuine | None, people: tuple[str, str], everything_logged: LogWatch
    ) -> None:
        """A genuine callback gives the person's id, the token of the answer, and the message."""
        question = make_question()
        posted = await _interactive(build).ask(question)
        for person in people:
            read = await _answered(build, genuine, question, person)
            assert read.sender == person, "`sender` is not the other side's id of the person"
            assert read.token == question.choices[0].token, "the token is not that of the answer"
            assert read.message == posted.reference, "`message` is not the reference that `ask` returned"
            assert read.workspace, "`workspace` is empty"
            refuse_secrets(f"{read!r} {everything_logged.text()}", secrets_in(question), "a repr or a log")

    async def test_refuses_altered_callbacks(
        self, build: Build, genuine: Genuine | None, people: tuple[str, str]
    ) -> None:
        """Whatever is changed of body and headers, the callback is refused or says the same."""
        request = await _asked(build, genuine, people[0])
        read = await unblocked(_interactive(build).receive(request))
        assert isinstance(read, Interaction)
        for altered in (
            request.model_copy(update={"body": request.body + b" "}),
            request.model_copy(update={"body": request.body.replace(people[0].encode(), people[1].encode())}),
            request.model_copy(update={"headers": {}}),
        ):
            with pytest.raises((Forged, Malformed)):
                await unblocked(_interactive(build).receive(altered))
        assert await _refusals(build, request, read) > 0, "no header is needed to believe the callback"

    async def test_replays_are_recognised(
        self, build: Build, genuine: Genuine | None, people: tuple[str, str]
    ) -> None:
        """The same request has the same replay key; that of another person, or another question, has another."""
        question = make_question()
        await _interactive(build).ask(question)
        keys = []
        for person in people:
            request = await awaited(given(genuine, "genuine")(question, "approve", person))
            first, again = [await unblocked(_interactive(build).receive(request)) for _ in range(2)]
            assert isinstance(first, Interaction)
            assert isinstance(again, Interaction)
            assert first.replay_key == again.replay_key, "a repeated callback has another replay key"
            assert first.replay_key, "the replay key is empty"
            keys.append(first.replay_key)
        other = make_question()
        await _interactive(build).ask(other)
        keys.append((await _answered(build, genuine, other, people[0])).replay_key)
        assert len(set(keys)) == len(keys), "two callbacks have one replay key: the second would be dropped"

    async def test_refuses_old_callbacks(
        self, build: Build, genuine: Genuine | None, people: tuple[str, str]
    ) -> None:
        """What was signed an hour ago is no answer any more."""
        request = await _asked(build, genuine, people[0])
        late = request.model_copy(update={"received_at": request.received_at + LATE})
        with pytest.raises(Forged):
            await unblocked(_interactive(build).receive(late))

    async def test_vouches_for_addresses(
        self, build: Build, genuine: Genuine | None, people: tuple[str, str], unverified: str | None
    ) -> None:
        """`email_of` gives the verified address of a person, and none where the other side does not vouch."""
        question = make_question()
        await _interactive(build).ask(question)
        addresses = []
        for person in people:
            read = await _answered(build, genuine, question, person)
            addresses.append(await unblocked(_interactive(build).email_of(read)))
        assert all(address and "@" in address for address in addresses), "a verified address is not given"
        assert addresses[0] != addresses[1], "two persons have one address"
        doubtful = await _answered(build, genuine, question, given(unverified, "unverified"))
        assert await unblocked(_interactive(build).email_of(doubtful)) is None, (
            "an address is given for which the other side does not vouch"
        )

    async def test_acknowledges_what_became_of_it(
        self, build: Build, genuine: Genuine | None, people: tuple[str, str], said: Callable[[], str] | None
    ) -> None:
        """The person reads why an answer did not count, and nothing of the kind when it did."""
        question = make_question()
        await _interactive(build).ask(question)
        outcomes = [
            Outcome(state="recorded", message="Counted-as-a-vote."),
            Outcome(state="refused", message="Not-an-approver-of-this."),
            Outcome(state="not_recorded", message="The-database-is-away."),
        ]
        for outcome in outcomes:
            read = await _answered(build, genuine, question, people[0])
            before = said() if said else ""
            answer = await unblocked(_interactive(build).acknowledge(read, outcome))
            shown = answer.body.decode("utf-8", "replace") + (said().removeprefix(before) if said else "")
            others = [other.message for other in outcomes if other is not outcome]
            assert not any(other in shown for other in others), f"{outcome.state} is shown as something else"
            if outcome.state != "recorded":
                assert outcome.message in shown or answer.status >= 500, (
                    f"the person does not read that the answer was {outcome.state}"
                )


async def _asked(build: Build, genuine: Genuine | None, person: str) -> CallbackRequest:
    question = make_question()
    make = given(genuine, "genuine")
    await _interactive(build).ask(question)
    return cast(CallbackRequest, await awaited(make(question, "approve", person)))


async def _answered(build: Build, genuine: Genuine | None, question: Question, person: str) -> Interaction:
    request = await awaited(given(genuine, "genuine")(question, "approve", person))
    read = await unblocked(_interactive(build).receive(request))
    assert isinstance(read, Interaction), "a genuine answer is not read as one"
    return read


async def _refusals(build: Build, request: CallbackRequest, read: Interaction) -> int:
    """How many headers are needed: with another value, and without them, the callback is refused."""
    refused = 0
    for name, value in request.headers.items():
        changed = {**request.headers, name: value[:-1] + ("0" if value[-1:] != "0" else "1")}
        found = await _read_or_refused(build, request.model_copy(update={"headers": changed}))
        if found is None:
            refused += 1
            without = {other: kept for other, kept in request.headers.items() if other != name}
            found = await _read_or_refused(build, request.model_copy(update={"headers": without}))
            assert found is None, f"without the header {name} the callback is believed"
        else:
            assert not isinstance(found, Interaction) or found == read, (
                f"the header {name} changes what is read"
            )
    return refused


async def _read_or_refused(build: Build, request: CallbackRequest) -> object | None:
    try:
        return await unblocked(_interactive(build).receive(request))
    except (Forged, Malformed):
        return None


def _interactive(build: Build) -> Interactive:
    notifier = build()
    assert isinstance(notifier, Interactive), "the notifier lacks a verb of Interactive"
    return notifier

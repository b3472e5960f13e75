"""The reference plugins keep every rule, so every rule can be kept."""

import uuid
from collections.abc import Callable

import pytest

from certrail_sdk import Forged, Interaction, Outcome
from certrail_sdk.testing import DestinationConformance, InteractiveConformance, make_question
from certrail_sdk.testing.memory import (
    PASSWORD,
    Board,
    InMemoryDestination,
    InMemoryNotifier,
    MemoryConfig,
    Storage,
    boards,
    storages,
)


def config(place: str, password: str = PASSWORD) -> MemoryConfig:
    return MemoryConfig.parse({"place": place, "password": password})


@pytest.fixture
def place() -> str:
    name = uuid.uuid4().hex
    storages[name] = Storage()
    boards[name] = Board()
    return name


class TestInMemoryDestination(DestinationConformance):
    @pytest.fixture
    def build(self, place: str) -> Callable[[], InMemoryDestination]:
        return lambda: InMemoryDestination(config(place))

    @pytest.fixture
    def broken(self, place: str) -> InMemoryDestination:
        return InMemoryDestination(config(place, "not-the-password"))


class TestInMemoryNotifier(InteractiveConformance):
    @pytest.fixture
    def build(self, place: str) -> Callable[[], InMemoryNotifier]:
        return lambda: InMemoryNotifier(config(place))

    @pytest.fixture
    def broken(self, place: str) -> InMemoryNotifier:
        return InMemoryNotifier(config(place, "not-the-password"))

    @pytest.fixture
    def answers_at(self, place: str) -> Callable[[str], int]:
        return lambda reference: len(boards[place].questions[reference].choices)


async def test_an_answer_comes_back_and_is_acknowledged(place: str) -> None:
    notifier = InMemoryNotifier(config(place))
    question = make_question()
    posted = await notifier.ask(question)
    answer = await notifier.receive(boards[place].click(posted.reference, "approve", "anna"))
    assert isinstance(answer, Interaction)
    assert (answer.sender, answer.message) == ("anna", posted.reference)
    assert answer.token == question.choices[0].token
    outcome = Outcome(state="recorded", message="Thank you.")
    assert (await notifier.acknowledge(answer, outcome)).body == b"Thank you."
    assert boards[place].acknowledged == [(posted.reference, outcome)]
    assert await notifier.email_of(answer) == "anna@memory.example"


async def test_a_changed_body_is_forged(place: str) -> None:
    notifier = InMemoryNotifier(config(place))
    posted = await notifier.ask(make_question())
    click = boards[place].click(posted.reference, "approve", "anna")
    changed = click.model_copy(update={"body": click.body.replace(b"anna", b"otto")})
    with pytest.raises(Forged):
        await notifier.receive(changed)

"""The contract of a notifier: a way to tell people, and for some, a way for people to answer."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from certrail_sdk.errors import Forged, Malformed
from certrail_sdk.plugin import ConfigT, Plugin


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Severity(StrEnum):
    """How soon a person should look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Stage(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class Fact(_Message):
    """One labelled line of a message."""

    label: str
    value: str


class Notification(_Message):
    """Something that happened, told once per channel.

    Attributes:
        id: stable over retries: put it where the outside system deduplicates.
        event_type: dotted name, such as ``certificate.issued``.
        source: path of the object it is about, such as ``/applications/payments``.
        link: absolute URL where a person can see more, when the installation has one.
        data: the machine-readable form, JSON values only; never a secret.
        incident: names the trouble that this is about; what ends the trouble carries the same name. Empty: none.
        stage: where that trouble stands with this message.
        may_exist: an earlier try may have been delivered without our knowing.
    """

    id: str
    event_type: str
    occurred_at: datetime
    severity: Severity = Severity.INFO
    title: str
    summary: str
    facts: tuple[Fact, ...] = ()
    source: str = "/"
    application: str = ""
    link: str | None = None
    data: Mapping[str, object] = Field(default_factory=dict)
    incident: str = ""
    stage: Stage = Stage.OPEN
    may_exist: bool = False


class Recipient(_Message):
    """What became of one recipient's copy."""

    address: str
    accepted: bool
    detail: str = ""


class Sent(_Message):
    """Proof that the outside system took the message.

    Attributes:
        reference: its name there, needed to change it later.
        recipients: per recipient where the system tells; an error is raised if none accepted.
    """

    reference: str
    recipients: tuple[Recipient, ...] = ()


class Notifier(Plugin[ConfigT]):
    """A way to tell people. Subclass it, fill in the attributes, write ``check`` and ``send``."""

    keeps_incidents: ClassVar[bool] = False
    """Whether the outside system keeps an incident open until it is told of its end: then it is, always."""
    shares_answers: ClassVar[bool] = False
    """Whether the answers to all channels of a connection may arrive at any one of them, as where one app with one
    callback URL serves many channels. Then what receives, proves and acknowledges them is the connection's alone."""

    async def send(self, notification: Notification) -> Sent:
        """Hand one message over.

        Raises:
            PluginError: one of the errors in ``certrail_sdk.errors``, saying what to do.
        """
        raise NotImplementedError


class Choice(_Message):
    """One answer a person may give.

    Attributes:
        token: opaque and secret; comes back in the ``Interaction``.
        wants_comment: ask for a reason before the answer counts.
    """

    answer: Literal["approve", "reject"]
    label: str
    token: SecretStr
    wants_comment: bool = False


class Question(_Message):
    """A question with answers, in its current state.

    Nobody answers for what they did not see: a message that cannot hold every fact in full offers no choice, and says
    where the question is answered instead, see `link`.

    Attributes:
        id: stable over retries and updates.
        choices: empty once the question is closed: the message must lose its buttons.
        status: one line: the tally while open; who decided, when and why once closed.
        may_exist: an earlier ``ask`` may have been posted without our knowing; look for it by ``id``.
    """

    id: str
    title: str
    summary: str
    facts: tuple[Fact, ...] = ()
    choices: tuple[Choice, ...] = ()
    status: str = ""
    deadline: datetime | None = None
    link: str | None = None
    may_exist: bool = False


class CallbackRequest(_Message):
    """An inbound HTTP request, untouched. Header names are lower-case."""

    body: bytes
    headers: Mapping[str, str]
    received_at: datetime


class CallbackResponse(_Message):
    """The HTTP answer the outside system shall get."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


class Interaction(_Message):
    """A verified answer of a person.

    Attributes:
        sender: the outside system's own id of the person; never a display name.
        workspace: the outside system's id of the tenant the sender belongs to.
        token: the token of the choice that was taken.
        message: reference of the message that was answered, as ``ask`` returned it.
        replay_key: the same for the same signed request, however often it is sent.
        reply: where ``acknowledge`` may answer this person; secret.
    """

    sender: str
    workspace: str
    token: SecretStr
    comment: str = ""
    message: str
    replay_key: str
    reply: SecretStr | None = None


class Outcome(_Message):
    """What became of an answer: recorded, refused (with the reason), or not stored at all."""

    state: Literal["recorded", "refused", "not_recorded"]
    message: str


@runtime_checkable
class Interactive(Protocol):
    """The notifier can carry a question and bring back answers."""

    async def ask(self, question: Question) -> Sent:
        """Post the question; with ``may_exist``, adopt an earlier copy instead of posting a second."""
        ...

    async def update(self, reference: str, question: Question) -> None:
        """Bring a posted question to its current state."""
        ...

    async def receive(self, request: CallbackRequest) -> Interaction | CallbackResponse:
        """Verify and read a callback. A response means: nothing to record, answer with this.

        Raises:
            Forged: the signature, timestamp or origin does not hold.
            Malformed: it cannot be read.
        """
        ...

    async def acknowledge(self, interaction: Interaction, outcome: Outcome) -> CallbackResponse:
        """Tell the person what became of the answer. Called only after it is durable, or lost."""
        ...

    async def email_of(self, interaction: Interaction) -> str | None:
        """The verified e-mail address of the sender, to find the member once; ``None`` if unknown."""
        ...


@runtime_checkable
class Listens(Protocol):
    """The notifier can also bring answers over a connection that it opens itself."""

    def wants_listener(self) -> bool:
        """Whether this configuration uses such a connection."""
        ...

    async def listen(self, answer: Callable[[Interaction | Forged | Malformed], Awaitable[Outcome]]) -> None:
        """Serve until cancelled; ``answer`` returns once the interaction is durable.

        It takes the error of what is no answer, too, and puts that on record as for a callback.
        """
        ...

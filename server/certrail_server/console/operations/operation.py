"""An operation of the API as a page: what it asks for, and what happens once the form is sent."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from certrail.domain.access import Permission
from certrail_server.api.guard import Call
from certrail_server.console.schema_form import Options

Params = Mapping[str, str]
"""Of the path; once the form is sent, with `confirm` of its facts, and what was chosen first as `choice`."""


@dataclass(frozen=True)
class Shown:
    """A text that is shown once, on the answer to the form."""

    title: str
    text: str | None


@dataclass(frozen=True)
class Facts:
    """What a person should know before.

    Attributes:
        confirm: a word that is sent with the form, and says that it was read.
        document: a text to copy.
    """

    sentences: Sequence[str] = ()
    confirm: str = ""
    document: str = ""


Perform = Callable[[Call, Params, Any], str | Shown]
"""Does it, with the read model, and returns the path of the page that comes next, or a text to show."""


def nothing(_call: Call, _params: Params) -> Any:
    """What an operation is given that needs nothing."""
    return {}


@dataclass(frozen=True)
class Operation:
    """One operation of the API.

    Attributes:
        api: its `operationId`; several where a page stands for them all.
        path: of the page, below ``/console``.
        parent: label and path of the page that leads here.
        perform: what is done.
        model: of its body; `None` where a button is all.
        leave_out: members that are not asked for; one that the path names is taken from there.
        current: what is there now, as the API answers it; the form shows it, and only what was changed is sent.
        whole: all is sent, and not only what was changed.
        options: what may be chosen, by the path of a member.
        groups: see `schema_form.Model`.
        plugin: kind and name of the plugin whose settings are asked for as `config`; from `current`, or the choice.
        connection_type: of the connection whose settings are asked for as `config`.
        choose: what is chosen first, by a label; the member `chosen` says it.
        facts: what a person should know before.
        text: what happens, in one sentence or two.
        danger: whether it cannot be undone.
    """

    api: str
    path: str
    permission: Permission
    title: str
    button: str
    notice: str
    parent: Callable[[Call, Params], tuple[str, str]]
    perform: Perform
    model: type[BaseModel] | None = None
    leave_out: Collection[str] = ()
    current: Callable[[Call, Params], BaseModel] | None = None
    whole: bool = False
    options: Callable[[Call, Params], Mapping[str, Options]] = nothing
    groups: Collection[str] = ()
    plugin: Callable[[Any, str], tuple[str, str]] | None = None
    connection_type: Callable[[Any], str] | None = None
    choose: tuple[str, Callable[[Call], Options]] | None = None
    chosen: str = ""
    facts: Callable[[Call, Params], Facts] | None = None
    text: str = ""
    danger: bool = False

    @property
    def in_application(self) -> bool:
        """Whether its page is below one Application."""
        return self.path.startswith("/applications/{application}")

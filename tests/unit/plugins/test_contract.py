"""Names, configurations and signatures of plugin classes are checked when loaded; nothing is half registered."""

import types
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ConfigDict

from certrail.plugins.registry import PluginRegistry, UnknownPlugin
from certrail_sdk import Config, Deployment, Destination, Notifier, Receipt, hookimpl


class Sound(Destination[Config]):
    """Does all that it must."""

    name, title = "sound", "Sound"

    async def check(self) -> None: ...

    async def deploy(self, deployment: Deployment) -> Receipt:
        raise NotImplementedError(deployment)


class Talking(Notifier[Config]):
    """Does all that it must."""

    name, title = "talking", "Talking"

    async def check(self) -> None: ...

    async def send(self, notification: Any) -> Any: ...


async def none(_self: Any) -> None: ...
async def one(_self: Any, _first: Any) -> None: ...
async def two(_self: Any, _first: Any, _second: Any) -> None: ...
async def streamed(_self: Any, _first: Any) -> Any:
    yield 1


def plain(_self: Any, _first: Any) -> None: ...
def unbuilt(_self: Any) -> None: ...


DEPLOY = "write `async def deploy(self, deployment)`"
FAULTS: dict[str, tuple[type[Any], dict[str, Any], str]] = {
    "plain def": (Sound, {"deploy": plain}, f"deploy is no coroutine: {DEPLOY}"),
    "generator": (Sound, {"deploy": streamed}, f"deploy is no coroutine: {DEPLOY}"),
    "missing parameter": (Sound, {"deploy": none}, f"deploy has other parameters: {DEPLOY}"),
    "extra parameter": (Sound, {"deploy": two}, f"deploy has other parameters: {DEPLOY}"),
    "check takes more": (Sound, {"check": one}, "write `async def check(self)`"),
    "static": (Sound, {"deploy": staticmethod(one)}, f"deploy is no method: {DEPLOY}"),
    "value": (Sound, {"check": 5}, "check is no method"),
    "plain observe": (Sound, {"observe": plain}, "write `async def observe(self, target)`"),
    "remove takes none": (Sound, {"remove": none}, "write `async def remove(self, target)`"),
    "publish takes two": (Sound, {"publish": two}, "write `async def publish(self, publication)`"),
    "plain send": (Talking, {"send": plain}, "write `async def send(self, notification)`"),
    "asynchronous wants_listener": (
        Talking,
        {"wants_listener": none, "listen": one},
        "wants_listener is a coroutine: write `def wants_listener(self)`",
    ),
    "init": (Sound, {"__init__": unbuilt}, "__init__ is called with config and context"),
    "name of capitals": (Sound, {"name": "Files"}, "name is 'Files': write lower-case letters"),
    "name with a blank": (Sound, {"name": "my files"}, "write lower-case letters and digits"),
    "name with a newline": (Sound, {"name": "files\n"}, "write lower-case letters and digits"),
    "no name": (Sound, {"name": ""}, "write lower-case letters and digits"),
    "long name": (Sound, {"name": "a" * 65}, "at most 64 characters"),
    "number as name": (Sound, {"name": 7}, "name is 7: write lower-case letters"),
    "no title": (Sound, {"title": " "}, "title is ' ': write a printable text"),
    "escape in the title": (Sound, {"title": "\x1b[31m"}, "write a printable text"),
    "connection type": (Sound, {"connection_type": "A b"}, "connection_type is 'A b': write None"),
    "no config": (Sound, {"config_type": dict}, "make it a subclass of certrail_sdk.Config"),
    "revision": (
        Sound,
        {"config_type": type("Text", (Config,), {"revision": "2", "__annotations__": {}})},
        "Text.revision is '2': write a whole number from 1",
    ),
    "pattern": (Sound, {"name_pattern": "[a"}, "name_pattern is '[a': write a regular expression"),
    "length": (Sound, {"name_length": "9"}, "name_length is '9': write a number"),
    "schema": (
        Sound,
        {"default_name_schema": "certrail"},
        "default_name_schema is 'certrail': The name schema needs one of",
    ),
    "fit": (Sound, {"name_pattern": "[a-z-]+"}, "default_name_schema is 'certrail-{{short_certificate_id}}'"),
    "switch": (Talking, {"keeps_incidents": "no"}, "keeps_incidents is 'no': write True or False"),
}


def module(returned: Callable[[], Any], kind: str = "destination") -> types.SimpleNamespace:
    """A plugin's module whose hook returns this, and which wants to hear of events."""
    seen: list[Any] = []

    @hookimpl(specname=f"certrail_{kind}s")
    def provided() -> Any:
        return returned()

    @hookimpl
    def certrail_event(event: Any) -> None:
        seen.append(event)

    return types.SimpleNamespace(provided=provided, certrail_event=certrail_event, seen=seen)


def nothing_of_it(registry: PluginRegistry, plugin: types.SimpleNamespace) -> bool:
    """Whether neither class nor description nor a hook was kept."""
    assert not registry.observers()
    for find in (registry.destination, registry.notifier):
        for name in ("sound", "talking"):
            with pytest.raises(UnknownPlugin):
                find(name)
    return not (registry.all() or registry.queues() or plugin.seen)


@pytest.mark.parametrize(("base", "attributes", "advice"), FAULTS.values(), ids=FAULTS)
def test_a_class_that_breaks_the_contract_is_refused_with_advice(
    base: type[Any], attributes: dict[str, Any], advice: str
) -> None:
    wrong = type("Wrong", (base,), attributes)
    kind = "destination" if base is Sound else "notifier"
    registry, plugin = PluginRegistry(), module(lambda: [base, wrong], kind)
    with pytest.raises(ValueError, match=r"Wrong|Text") as refusal:
        registry.register(plugin)
    assert advice in str(refusal.value)
    assert nothing_of_it(registry, plugin)


def test_all_faults_are_named_at_once() -> None:
    wrong = type("Wrong", (Sound,), {"name": "A", "title": "", "deploy": plain, "check": one})
    with pytest.raises(ValueError, match=r"name is.*title is.*check has.*deploy is"):
        PluginRegistry().register(module(lambda: [wrong]))


def test_a_class_that_cannot_be_described_is_not_half_registered() -> None:
    class Odd:
        pass

    class Undescribed(Config):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        odd: Odd

    wrong = type("Wrong", (Sound,), {"config_type": Undescribed, "name": "wrong"})
    registry, plugin = PluginRegistry(), module(lambda: [Sound, wrong])
    with pytest.raises(ValueError, match=r"JSON schema of Wrong\.config_type"):
        registry.register(plugin)
    assert nothing_of_it(registry, plugin)


@pytest.mark.parametrize("returned", [Sound, "sound", 5], ids=["class", "text", "number"])
def test_a_hook_that_returns_no_list_is_refused(returned: object) -> None:
    registry, plugin = PluginRegistry(), module(lambda: returned)
    with pytest.raises(ValueError, match="return a list of classes"):
        registry.register(plugin)
    assert nothing_of_it(registry, plugin)


@pytest.mark.parametrize("returned", [Destination, Talking, object()], ids=["base", "kind", "object"])
def test_a_hook_that_returns_no_class_of_its_kind_is_refused(returned: object) -> None:
    with pytest.raises(ValueError, match="return subclasses of Destination"):
        PluginRegistry().register(module(lambda: [returned]))


def test_two_classes_of_one_name_are_refused() -> None:
    registry, plugin = PluginRegistry(), module(lambda: [Sound, type("Again", (Sound,), {})])
    with pytest.raises(ValueError, match="two classes are the destination 'sound'"):
        registry.register(plugin)
    assert nothing_of_it(registry, plugin)


def test_more_parameters_with_defaults_and_other_names_are_fine() -> None:
    async def deploy(_self: Any, *_given: Any, _more: int = 1) -> None: ...

    registry = PluginRegistry()
    registry.register(module(lambda: [type("Free", (Sound,), {"deploy": deploy})]))
    assert registry.queues() == ["plugin-destination-sound"]


def test_a_name_that_is_taken_leaves_the_first_as_it_was() -> None:
    registry, second = PluginRegistry(), module(lambda: [type("Other", (Sound,), {})])
    registry.register(module(lambda: [Sound]))
    with pytest.raises(ValueError, match="already provides the destination 'sound'"):
        registry.register(second)
    assert registry.destination("sound") is Sound
    assert [one.key for one in registry.observers()] == ["destination-sound"]
    for one in registry.observers():
        one.observe({})
    assert not second.seen


def test_a_module_that_only_observes_is_known_by_its_distribution() -> None:
    registry, observing = PluginRegistry(), module(list)
    registry.register(observing, distribution="Acme_Audit", version="2.0")
    (info,) = registry.all()
    assert (info.key, info.version, info.state) == ("observer-acme-audit", "2.0", "ready")
    assert registry.queues() == ["plugin-observer-acme-audit"]
    (observer,) = registry.observers()
    observer.observe({"type": "anything"})
    assert observing.seen == [{"type": "anything"}]
    with pytest.raises(ValueError, match="observer 'acme-audit' is registered already"):
        registry.register(module(list), distribution="acme.audit")

"""One real call of a plugin's verb, without a database: what it was told is kept in a file between the calls."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from certrail_sdk import Deployment, Destination, Notifier, Plugin, Receipt, Target

VERBS: Mapping[str, tuple[str, ...]] = {
    "destination": ("check", "deploy", "renew", "observe", "remove"),
    "notifier": ("check", "send", "ask"),
}


class CannotTry(ValueError):
    """The call cannot be made; the message says why."""


class _Kept(BaseModel):
    """What the calls of one trial have in common."""

    deployment: Deployment
    receipt: Receipt | None = None


async def tried(plugin: Plugin[Any], verb: str, state: Path, name: str) -> BaseModel | None:
    """Call a verb; answers what the plugin answered.

    Args:
        verb: of `VERBS`; ``renew`` deploys another certificate to the same target.
        state: the file that `deploy` writes and the later calls read. It holds a private key of no use, mode 0600.
        name: of the object, for `deploy`.

    Raises:
        CannotTry: there was no `deploy` before, or the plugin has no such verb.
        PluginError: what the plugin raised.
    """
    if verb == "check":
        await plugin.check()
        return None
    if isinstance(plugin, Notifier):
        return await _notified(plugin, verb)
    if not isinstance(plugin, Destination):
        raise CannotTry("Only destinations and notifiers can be tried.")
    return await _delivered(plugin, verb, state, name)


async def _notified(plugin: Notifier[Any], verb: str) -> BaseModel:
    from certrail_sdk.testing.material import make_notification, make_question  # noqa: PLC0415  for authors only

    if verb == "send":
        return await plugin.send(make_notification())
    ask = getattr(plugin, "ask", None)
    if ask is None:
        raise CannotTry(f"{plugin.title} cannot post an approval.")
    sent: BaseModel = await ask(make_question())
    return sent


async def _delivered(plugin: Destination[Any], verb: str, state: Path, name: str) -> BaseModel:
    from certrail_sdk.testing.material import renewed  # noqa: PLC0415  for authors only

    kept = _begun(state, name) if verb == "deploy" else _read(state)
    if verb == "renew":
        kept = kept.model_copy(update={"deployment": renewed(kept.deployment)})
    if verb in ("deploy", "renew"):
        receipt = await plugin.deploy(kept.deployment.model_copy(update={"receipt": kept.receipt}))
        _keep(kept.model_copy(update={"receipt": receipt}), state)
        return receipt
    call = getattr(plugin, verb, None)
    if call is None:
        raise CannotTry(f"{plugin.title} has no verb {verb}.")
    given = kept.deployment
    answer: BaseModel = await call(Target(delivery=given.delivery, name=given.name, receipt=kept.receipt))
    if verb == "remove":
        _forget(state)
    return answer


def _begun(state: Path, name: str) -> _Kept:
    """The deployment of an earlier call, to make again; else a new one."""
    from certrail_sdk.testing.material import make_deployment  # noqa: PLC0415  for authors only

    return (
        _read(state) if state.exists() else _Kept(deployment=make_deployment(name, common_name="try.example"))
    )


def _keep(kept: _Kept, state: Path) -> None:
    content = kept.model_dump(mode="json")
    secret = kept.deployment.bundle.private_key
    content["deployment"]["bundle"]["private_key"] = secret.get_secret_value() if secret else None
    state.touch(mode=0o600)
    state.write_text(json.dumps(content))


def _forget(state: Path) -> None:
    state.unlink()


def _read(state: Path) -> _Kept:
    try:
        return _Kept.model_validate_json(state.read_text())
    except FileNotFoundError:
        raise CannotTry(f"There is no {state}: try `deploy` first.") from None
    except ValueError:
        raise CannotTry(f"{state} is not what `deploy` wrote.") from None

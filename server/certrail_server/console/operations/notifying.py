"""Alerts and channels: of an Application, and of the product."""

from collections.abc import Sequence

from pydantic import BaseModel

from certrail.domain.access import Permission
from certrail_server.api.answers.alerting import alert_answer, channel_answer
from certrail_server.api.guard import Call, idempotent
from certrail_server.api.schemas.alerts import AlertChangeIn, AlertIn
from certrail_server.api.schemas.channels import ChannelChangeIn, ChannelIn
from certrail_server.console.operations import choices
from certrail_server.console.operations.application import APPLICATION, below
from certrail_server.console.operations.operation import Operation, Params


def _home(call: Call, _params: Params | None = None) -> tuple[str, str]:
    if call.scope is None:
        return "Channels", "/console/channels"
    return "Alerts", below(call, "/alerts")


def _alert(call: Call, params: Params) -> BaseModel:
    return alert_answer(call.services, call.services.alerts.get(call.scope, params["alert"]))


def _create_alert(call: Call, _params: Params, body: AlertIn) -> str:
    alerts, values = call.services.alerts, {**body.values(), "product_wide": call.scope is None}
    idempotent(lambda: alerts.create_alert(call.actor, call.scope, **values).id, lambda ident: ident)
    return _home(call)[1]


def _update_alert(call: Call, params: Params, body: AlertChangeIn) -> str:
    call.services.alerts.update_alert(call.actor, call.scope, params["alert"], **body.values())
    return _home(call)[1]


def _delete_alert(call: Call, params: Params, _body: None) -> str:
    call.services.alerts.delete_alert(call.actor, call.scope, params["alert"])
    return _home(call)[1]


def _channel(call: Call, params: Params) -> BaseModel:
    return channel_answer(call.services, call.services.channels.get(call.scope, params["channel"]))


def _create_channel(call: Call, _params: Params, body: ChannelIn) -> str:
    channels, values = call.services.channels, {**dict(body), "product_wide": call.scope is None}
    idempotent(
        lambda: channels.create(call.actor, call.scope, **values),
        lambda ident: channels.get(call.scope, ident),
    )
    return _home(call)[1]


def _update_channel(call: Call, params: Params, body: ChannelChangeIn) -> str:
    call.services.channels.update(call.actor, call.scope, params["channel"], **body.changes())
    return _home(call)[1]


def _delete_channel(call: Call, params: Params, _body: None) -> str:
    call.services.channels.delete(call.actor, call.scope, params["channel"])
    return _home(call)[1]


def _operations(base: str, suffix: str, create: Permission) -> Sequence[Operation]:
    """For one place: an Application, or the product."""
    manage = Permission.ALERT_MANAGE
    return (
        Operation(
            f"create_alert{suffix}",
            f"{base}/new-alert",
            create,
            "New alert",
            "Create",
            "created",
            _home,
            _create_alert,
            model=AlertIn,
            leave_out=("product_wide",),
            options=choices.of_alert,
        ),
        Operation(
            f"update_alert{suffix}",
            f"{base}/alerts/{{alert}}/edit",
            manage,
            "Edit the alert",
            "Save",
            "changed",
            _home,
            _update_alert,
            model=AlertChangeIn,
            current=_alert,
            options=choices.of_alert,
        ),
        Operation(
            f"delete_alert{suffix}",
            f"{base}/alerts/{{alert}}/delete",
            manage,
            "Delete the alert",
            "Delete",
            "deleted",
            _home,
            _delete_alert,
            current=_alert,
            text="Nobody is notified by it any more, and its incidents are closed.",
            danger=True,
        ),
        Operation(
            f"update_channel{suffix}",
            f"{base}/channels/{{channel}}/edit",
            manage,
            "Edit the channel",
            "Save",
            "changed",
            _home,
            _update_channel,
            model=ChannelChangeIn,
            current=_channel,
            options=choices.of_channel,
            plugin=lambda channel, _: ("notifier", channel.notifier),
        ),
        Operation(
            f"delete_channel{suffix}",
            f"{base}/channels/{{channel}}/delete",
            manage,
            "Delete the channel",
            "Delete",
            "deleted",
            _home,
            _delete_channel,
            current=_channel,
            text="One that an alert, an approval policy or another channel uses is refused.",
            danger=True,
        ),
    )


NEW_PRODUCT_CHANNEL = Operation(
    "create_channel_in_legacy_scope",
    "/new-channel",
    Permission.PRODUCT_MANAGE,
    "New channel of the product",
    "Create",
    "created",
    _home,
    _create_channel,
    model=ChannelIn,
    leave_out=("product_wide",),
    chosen="notifier",
    options=choices.of_channel,
    plugin=lambda _, choice: ("notifier", choice),
    choose=("Notifier", choices.notifiers),
)

OPERATIONS = (
    *_operations(APPLICATION, "", Permission.ALERT_MANAGE),
    *_operations("", "_in_legacy_scope", Permission.PRODUCT_MANAGE),
    NEW_PRODUCT_CHANNEL,
)

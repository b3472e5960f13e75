"""Socket Mode: Slack brings the clicks over a connection that we open."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from certrail_notifier_slack.callbacks import Payload
from certrail_notifier_slack.config import SlackConfig
from certrail_notifier_slack.errors import translated_errors
from certrail_notifier_slack.web import sdk_logger, web_client
from certrail_sdk import CallbackResponse

if TYPE_CHECKING:
    from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest
    from slack_sdk.socket_mode.response import SocketModeResponse

Handler = Callable[[Payload, str], Awaitable[CallbackResponse | None]]
"""Takes a payload and its envelope id; ``None`` leaves the envelope unacknowledged."""


async def connection_url(config: SlackConfig) -> str:
    """A fresh address for one connection; secret.

    Raises:
        PluginError: Slack refuses the app token or cannot be reached.
    """
    assert config.app_token is not None
    async with translated_errors():
        opened = await web_client(config).apps_connections_open(app_token=config.app_token.get_secret_value())
    return str(opened["url"])


async def serve(config: SlackConfig, handle: Handler) -> None:
    """Hand every interaction to ``handle`` until cancelled; the vendor's client reconnects by itself."""
    # It brings aiohttp: see `web_client`.
    from slack_sdk.socket_mode.aiohttp import SocketModeClient  # noqa: PLC0415
    from slack_sdk.socket_mode.response import SocketModeResponse  # noqa: PLC0415

    assert config.app_token is not None
    # Asked for here, because the vendor's client would try a refused token for ever.
    url = await connection_url(config)
    client = SocketModeClient(
        app_token=config.app_token.get_secret_value(), web_client=web_client(config), logger=sdk_logger()
    )
    client.proxy = client.web_client.proxy
    client.wss_uri = url

    async def on_request(connection: "AsyncBaseSocketModeClient", request: "SocketModeRequest") -> None:
        if request.type != "interactive":
            await connection.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
            return
        response = await handle(request.payload, request.envelope_id)
        if response is not None and response.status == 200:
            await connection.send_socket_mode_response(_ack(request.envelope_id, response))

    client.socket_mode_request_listeners.append(on_request)
    try:
        await client.connect()  # type: ignore[no-untyped-call]
        await asyncio.Event().wait()
    finally:
        await client.close()  # type: ignore[no-untyped-call]


def _ack(envelope_id: str, response: CallbackResponse) -> "SocketModeResponse":
    from slack_sdk.socket_mode.response import SocketModeResponse  # noqa: PLC0415

    if response.content_type != "application/json" or not response.body:
        return SocketModeResponse(envelope_id=envelope_id)
    return SocketModeResponse(envelope_id=envelope_id, payload=json.loads(response.body))

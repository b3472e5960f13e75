"""Sign-in of a command line: the OAuth 2.0 device authorization grant (RFC 8628) with an OpenID Connect provider.

The server is the provider's client, as in the browser's flow: device code, client secret and ID token stay here. The
command line gets an access token of certrail only.
"""

import secrets
import time
from dataclasses import dataclass
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuthError
from joserfc.errors import JoseError

from certrail.crypto.keyring import KeyringError
from certrail.crypto.purposes import DEVICE_SIGN_IN_PURPOSE
from certrail.domain.errors import BadInput, Forbidden, Unavailable
from certrail.services.access.sessions import Claims
from certrail_server.api.sign_in import SignIn, unanswered
from certrail_server.settings import is_secure

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
INTERVAL = 5
"""Seconds between polls where the provider names none (RFC 8628 section 3.2)."""
SLOWER = 5
"""Seconds that `slow_down` adds (RFC 8628 section 3.5)."""
LONGEST_SECONDS = 1800


@dataclass(frozen=True)
class Started:
    """What the user does now, and the handle by which the command line asks for the outcome."""

    user_code: str
    verification_uri: str
    verification_uri_complete: str | None
    expires_in: int
    interval: int
    handle: str


class DeviceSignIn:
    """Stateless: what a poll needs is in the handle, sealed, so that any server can take it."""

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in

    async def start(self) -> Started:
        """Ask the provider for a user code (RFC 8628 section 3.1). Raises Unavailable."""
        known = await self._sign_in.discover()
        endpoint = str(known.get("device_authorization_endpoint", ""))
        if not endpoint or not is_secure(endpoint):
            raise Unavailable(
                "The sign-in provider offers no device authorization (RFC 8628). Use an access token in CERTRAIL_TOKEN."
            )
        nonce = secrets.token_urlsafe(24)
        provider = self._sign_in.provider
        try:
            async with provider._get_oauth_client(**known) as client:
                scope = provider.client_kwargs["scope"]
                body = {"client_id": provider.client_id, "scope": scope, "nonce": nonce}
                answer = await client.request(
                    "POST", endpoint, data=body, auth=client.client_auth(client.token_endpoint_auth_method),
                    withhold_token=True,
                )  # fmt: skip
                answer.raise_for_status()
                given = answer.json()
            return self._started(given, nonce)
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as wrong:
            raise unanswered(wrong) from None

    async def poll(self, handle: str) -> Claims | int:
        """What the provider says of the user, or the seconds after which to ask again (RFC 8628 section 3.5).

        Raises:
            BadInput: the handle is not ours, or the user took too long.
            Forbidden: the user refused, or the ID token is not right.
            Unavailable: the provider does not answer.
        """
        try:
            kept = self._sign_in.keyring.open_json(handle, DEVICE_SIGN_IN_PURPOSE)
        except KeyringError:
            raise BadInput("This sign-in was not started here. Start again.", "handle") from None
        if kept["until"] < time.time():
            raise _expired()
        known = await self._sign_in.discover()
        provider = self._sign_in.provider
        try:
            async with provider._get_oauth_client(**known) as client:
                token = await client.fetch_token(
                    known["token_endpoint"], grant_type=GRANT, device_code=kept["device_code"]
                )
            return await self._claims(token, kept["nonce"])
        except OAuthError as refusal:
            return _pause(refusal.error, kept["interval"])
        except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as wrong:
            raise Forbidden(
                f"The provider's answer is not right ({type(wrong).__name__}).", kind="sign-in-failed"
            ) from None
        except httpx2.HTTPError as problem:
            raise unanswered(problem) from None

    def _started(self, given: dict[str, Any], nonce: str) -> Started:
        seconds = min(int(given["expires_in"]), LONGEST_SECONDS)
        interval = max(1, int(given.get("interval") or INTERVAL))
        kept = {"device_code": str(given["device_code"]), "nonce": nonce, "interval": interval}
        complete = given.get("verification_uri_complete")
        return Started(
            user_code=str(given["user_code"]),
            verification_uri=str(given["verification_uri"]),
            verification_uri_complete=str(complete) if complete else None,
            expires_in=seconds,
            interval=interval,
            handle=self._sign_in.keyring.seal_json(
                {**kept, "until": int(time.time()) + seconds}, DEVICE_SIGN_IN_PURPOSE
            ),
        )

    async def _claims(self, token: dict[str, Any], nonce: str) -> Claims:
        """The verified claims: signature, issuer, audience and expiry (OpenID Connect Core 1.0 section 3.1.3.7)."""
        claims = await self._sign_in.provider.parse_id_token(token, nonce=None)
        if not claims:
            raise ValueError("no ID token")
        # RFC 8628 has no nonce, and some providers leave ours out; one that is there must be ours.
        if claims.get("nonce", nonce) != nonce:
            raise ValueError("nonce")
        return self._sign_in.claims_of(claims)


def _pause(error: str, interval: int) -> int:
    """Seconds until the next poll. Raises Forbidden, BadInput."""
    if error == "authorization_pending":
        return interval
    if error == "slow_down":
        return interval + SLOWER
    if error == "expired_token":
        raise _expired()
    raise Forbidden(f"The provider refused: {error[:100]}.", kind="sign-in-refused")


def _expired() -> BadInput:
    return BadInput("The sign-in was not confirmed in time. Start again.", "handle", kind="sign-in-expired")

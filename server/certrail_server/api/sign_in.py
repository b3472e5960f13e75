"""Signing in at an OpenID Connect provider: authorization code flow with PKCE (OpenID Connect Core 1.0, RFC 7636)."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth, OAuthError
from fastapi import Request, Response
from joserfc.errors import JoseError

from certrail.crypto.keyring import Keyring, KeyringError
from certrail.crypto.purposes import SIGN_IN_PURPOSE
from certrail.domain import formats
from certrail.domain.errors import Forbidden, Unauthenticated, Unavailable
from certrail.services.access.sessions import Claims
from certrail_server.api.browser import SECONDS_TO_SIGN_IN
from certrail_server.settings import Settings, is_secure

PROVIDER_SECONDS = 10
ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
"""Signatures only: a token that is not signed, or signed with the client's secret, proves nothing."""

CLOCK_SKEW = 60
"""Seconds that the provider's clock may be behind ours."""
LONGEST_NAME = 128
"""Characters of a name that are kept."""


class SignIn:
    """One provider. What a browser must bring back is in a cookie, sealed, so that any server can take it."""

    def __init__(self, settings: Settings, keyring: Keyring) -> None:
        assert settings.oidc_issuer
        assert settings.oidc_client_secret
        assert settings.public_url
        self.admit_new = settings.oidc_admit_new
        self.secure = settings.public_url.startswith("https://")
        self._issuer = settings.oidc_issuer.rstrip("/")
        self._here = f"{settings.public_url}/auth/callback"
        self.keyring = keyring
        self.provider: Any = OAuth().register(
            "oidc",
            server_metadata_url=f"{self._issuer}/.well-known/openid-configuration",
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret.get_secret_value(),
            client_kwargs={
                "scope": settings.oidc_scopes,
                "code_challenge_method": "S256",
                "timeout": PROVIDER_SECONDS,
                "follow_redirects": False,
                "trust_env": False,
            },
        )

    async def begin(self, request: Request, then: str, max_age: int | None = None) -> tuple[Response, str]:
        """Send the browser to the provider; returns the answer, and the text of the cookie to come back with.

        Args:
            max_age: seconds that the authentication there may be old; the user is asked to authenticate again (OpenID
                Connect Core 1.0 section 3.1.2.1, `prompt` and `max_age`).
        """
        await self.discover()
        request.scope["session"] = {}
        more: dict[str, Any] = {} if max_age is None else {"prompt": "login", "max_age": max_age}
        answer: Response = await self.provider.authorize_redirect(request, self._here, **more)
        until = int(time.time()) + SECONDS_TO_SIGN_IN
        opened = {"state": request.session, "then": then, "until": until, "max_age": max_age}
        return answer, self.keyring.seal_json(opened, SIGN_IN_PURPOSE)

    async def finish(self, request: Request, cookie: str) -> tuple[Claims, str]:
        """What the provider says of the browser's user, and where the browser wanted to go.

        Raises:
            Unauthenticated: the browser did not begin here, was away too long, or the provider's answer is not right.
            Forbidden: the provider refused.
            Unavailable: the provider does not answer.
        """
        try:
            opened = self.keyring.open_json(cookie, SIGN_IN_PURPOSE)
        except KeyringError:
            opened = None
        if opened is None or opened["until"] < time.time():
            raise _again("The sign-in was not begun in this browser, or took longer than ten minutes.")
        await self.discover()
        request.scope["session"] = opened["state"]
        if not request.query_params.get("state") or not self._begun(request):
            raise _again("The provider's answer belongs to another sign-in.")
        try:
            token = await self.provider.authorize_access_token(request)
        except OAuthError as refusal:
            raise Forbidden(f"The provider refused: {refusal.error[:100]}.", kind="sign-in-refused") from None
        except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as wrong:
            raise _again(f"The provider's answer is not right ({type(wrong).__name__}).") from None
        except httpx2.HTTPError as silent:
            raise unanswered(silent) from None
        claims = token.get("userinfo")
        if not claims:
            raise _again("The provider sent no identity token.")
        said = self.claims_of(claims)
        _check_age(said, opened["max_age"])
        return said, opened["then"]

    def claims_of(self, claims: Mapping[str, Any]) -> Claims:
        """The claims of a verified ID token; an e-mail address counts only where the provider verified it."""
        verified = claims.get("email") if claims.get("email_verified") is True else None
        name = claims.get("name")
        # Whoever edits their profile at the provider chooses this text, and every admin reads it.
        shown = formats.escaped(str(name)).strip()[:LONGEST_NAME] if name else None
        return Claims(self._issuer, str(claims["sub"]), verified, shown, _auth_time_of(claims))

    def _begun(self, request: Request) -> bool:
        return f"_state_oidc_{request.query_params['state']}" in request.session

    async def discover(self) -> dict[str, Any]:
        """The provider's metadata, read once; it must be of the issuer that was configured. Raises Unavailable."""
        try:
            known: dict[str, Any] = await self.provider.load_server_metadata()
        except (httpx2.HTTPError, ValueError) as silent:
            raise unanswered(silent) from None
        ends = [str(known.get(name, "")) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        if str(known.get("issuer", "")).rstrip("/") != self._issuer or not all(map(is_secure, ends)):
            self.provider.server_metadata.clear()
            raise Unavailable(
                "The provider describes another issuer, or addresses without https; see CERTRAIL_OIDC_ISSUER."
            )
        offered = known.get("id_token_signing_alg_values_supported") or ["RS256"]
        known["id_token_signing_alg_values_supported"] = sorted(ALGORITHMS.intersection(offered))
        return known


def _auth_time_of(claims: Mapping[str, Any]) -> datetime | None:
    """When the user authenticated, in seconds since 1970 (OpenID Connect Core 1.0 section 2, `auth_time`)."""
    said = claims.get("auth_time")
    if isinstance(said, bool) or not isinstance(said, int | float):
        return None
    try:
        return datetime.fromtimestamp(said, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _check_age(claims: Claims, max_age: int | None) -> None:
    """Compare the time ourselves: a provider may have passed over `max_age` and `prompt`. Raises Unauthenticated."""
    if max_age is None:
        return
    if claims.auth_time is None:
        raise _again(
            "The provider did not say when you authenticated (auth_time), although max_age asks for it."
        )
    if time.time() - claims.auth_time.timestamp() > max_age + CLOCK_SKEW:
        raise _again("The provider did not ask you to authenticate again.")


def _again(why: str) -> Unauthenticated:
    return Unauthenticated(f"{why} Sign in again at /auth/sign-in.", kind="sign-in-failed")


def unanswered(why: Exception) -> Unavailable:
    """The refusal while the provider does not answer."""
    return Unavailable(f"The sign-in provider does not answer ({type(why).__name__}). Try again.")

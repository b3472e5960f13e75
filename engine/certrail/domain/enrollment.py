"""Methods by which certificates are requested, their settings, and the origin of a request."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from certrail.domain.errors import BadInput, Conflict
from certrail.domain.faults import in_one_line
from certrail.domain.renewal import RenewalRule


class EnrollmentMethod(StrEnum):
    """A method of enrollment; `AVAILABLE_METHODS` are those that this version serves."""

    API = "api"
    ACME = "acme"
    EST = "est"
    SCEP = "scep"


class RequestOrigin(StrEnum):
    """What a certificate request came from."""

    API = "api"
    RENEWAL = "renewal"


class MethodSettings(BaseModel):
    """Settings of a method: frozen, unknown members refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ApiSettings(MethodSettings):
    """`auto_renew` is the rule by which certificates of the profile are renewed; left out, the default rule."""

    auto_renew: RenewalRule | None = None


SETTINGS: Mapping[EnrollmentMethod, type[MethodSettings]] = MappingProxyType(
    {EnrollmentMethod.API: ApiSettings}
)
"""The settings of each method that is served."""
AVAILABLE_METHODS = frozenset(SETTINGS)


def method_settings(method: EnrollmentMethod, given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they are stored.

    Raises:
        BadInput: they do not fit the method.
    """
    model = SETTINGS.get(method, MethodSettings)
    try:
        parsed = model.model_validate(given)
    except ValidationError as err:
        what = in_one_line(err, model)
        raise BadInput(f"The settings of the method {method} are wrong. {what}", "settings") from None
    return parsed.model_dump(mode="json", exclude_none=True)


def refuse_unavailable(method: EnrollmentMethod) -> None:
    """Raise Conflict (``method-unavailable``) for a method that this version does not serve."""
    if method not in AVAILABLE_METHODS:
        served = ", ".join(sorted(AVAILABLE_METHODS))
        raise Conflict(
            f"Enrollment by {method} is not served by this version; it serves: {served}.",
            kind="method-unavailable",
        )

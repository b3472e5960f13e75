"""What a form asks for, read by the models of the API."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from certrail.domain.errors import BadInput, CertrailError
from certrail.domain.faults import describe_faults
from certrail_server.api.schemas.requests import CertificateRequestIn
from certrail_server.console.forms import Form

M = TypeVar("M", bound=BaseModel)


def read(model: type[M], given: Mapping[str, Any]) -> M:
    """The input. Raises BadInput with every fault, as the API says it."""
    try:
        return model.model_validate(dict(given))
    except ValidationError as problem:
        faults = [{"field": field, "message": said} for field, said in describe_faults(problem, model)]
        detail = "; ".join(f"{each['field']}: {each['message']}" for each in faults)
        raise BadInput(detail, faults[0]["field"], errors=faults) from None


def faults_of(refusal: CertrailError | None) -> Mapping[str, str]:
    """What is wrong with each field of a form that was refused."""
    if refusal is None:
        return {}
    found = {str(each["field"]): str(each["message"]) for each in refusal.extra.get("errors", ())}
    field = refusal.extra.get("field")
    return found or ({str(field): refusal.detail} if field else {})


def named_values(lines: Sequence[str], field: str) -> dict[str, str]:
    """Lines such as ``team=payments``. Raises BadInput."""
    found = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if not equals:
            raise BadInput(f"Write one name=value on each line; this has no equals sign: {line[:64]}", field)
        found[name.strip()] = value.strip()
    return found


def certificate_request(form: Form, profile: str) -> CertificateRequestIn:
    """The request that `parts/request_fields.html` asks for. Raises BadInput with every fault.

    With a CSR the fields of names are not read; what is left out is the profile's.
    """
    names = {kind: form.lines(kind) for kind in ("dns", "ip", "email") if form.lines(kind)}
    common_name, csr, ttl = form.get("common_name"), form.get("csr"), form.get("ttl")
    given: dict[str, Any] = {"profile": profile}
    if csr:
        given["csr"] = csr
    else:
        given |= {"sans": names} if names else {}
        given |= {"subject": {"common_name": common_name}} if common_name else {}
    metadata = named_values(form.lines("metadata"), "metadata")
    given |= {"ttl": ttl} if ttl else {}
    given |= {"metadata": metadata} if metadata else {}
    return read(CertificateRequestIn, given)

"""Query parameters that a route does not know are refused: a misspelt filter would else select everything."""

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel

from certrail.domain.errors import BadInput


def refuse_unknown_parameters(request: Request) -> None:
    """Raises BadInput that names the parameter and lists those that the route knows."""
    if not request.query_params:
        return
    known = sorted(set(_names(request.scope["route"].dependant)))
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        listed = f"known: {', '.join(known)}" if known else "this call has none"
        raise BadInput(f"There is no query parameter {unknown[0][:64]!r}; {listed}.", unknown[0][:64])


def _names(dependant: Dependant) -> Iterator[str]:
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from model.model_fields
        else:
            yield parameter.alias
    for dependency in dependant.dependencies:
        yield from _names(dependency)

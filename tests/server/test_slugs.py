"""Objects are named by slug or id, so no slug may be taken for an id."""

import uuid
from typing import Any, get_args

import pytest
from docs.generate import routes
from pydantic import BaseModel, ValidationError

from certrail.domain.access import ProductRole
from certrail.services.access.principals import _slug_of
from certrail.services.migration import document

OF_ROUTES = [model for route in routes() for model in (route.body, *get_args(route.body))]
BODIES = {
    model
    for model in (*OF_ROUTES, *vars(document).values())
    if isinstance(model, type) and issubclass(model, BaseModel)
}
NAMED = sorted((body for body in BODIES if "slug" in body.model_fields), key=lambda body: body.__name__)


def faults(body: Any, slug: str) -> list[str]:
    """What is wrong with the slug, whatever else is missing."""
    with pytest.raises(ValidationError) as refused:
        body.model_validate({"slug": slug, "unknown": 1})
    return [fault["msg"] for fault in refused.value.errors() if fault["loc"] == ("slug",)]


def test_there_are_many_of_them() -> None:
    assert len(NAMED) > 15


@pytest.mark.parametrize("body", NAMED, ids=lambda body: body.__name__)
def test_a_slug_that_could_be_an_id_is_refused(body: Any) -> None:
    (message,) = faults(body, uuid.uuid4().hex)
    assert "could be the id of another object" in message
    assert faults(body, "a" * 31) == faults(body, "a" * 33) == faults(body, "g" * 32) == []


def test_the_first_admin_has_no_id_for_a_slug_either() -> None:
    assert _slug_of("0" * 32) == "0" * 31
    assert _slug_of("Ada Lovelace") == "ada-lovelace"
    assert _slug_of("!") == ProductRole.ADMIN

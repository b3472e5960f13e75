"""Secrets of plugin configurations: masked on the way out by the plugin's schema, kept where a mask comes back.

What the schema does not name is masked too: it may be a secret under the name that an older version gave it.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import SecretStr

from certrail.domain.errors import BadInput
from certrail.plugins.redaction import MASK
from certrail_sdk import Config

Schema = Mapping[str, Any]
_COMPOUNDS = frozenset({"$ref", "anyOf", "oneOf", "allOf"})
_CONSTRAINTS = frozenset({"type", "properties", "enum", "const", "additionalProperties", "items"})


def masked(model: type[Config] | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as it may be shown; everything is masked where the plugin's model is not here."""
    if model is None:
        return dict.fromkeys(values, MASK)
    schema = _schema_of(model)
    return {name: _member(name, value, [schema], schema.get("$defs", {})) for name, value in values.items()}


@cache
def _schema_of(model: type[Config]) -> Schema:
    """Made once for each model: it costs as much as a deploy to a folder."""
    return model.model_json_schema()


def keep_masked(new: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """A submitted configuration in which a masked value means: as it was.

    Raises:
        BadInput: nothing is stored for a mask, or it is not clear which element of a list it stands for.
    """
    return {name: _kept(value, stored.get(name, _NOTHING), name) for name, value in new.items()}


_NOTHING: Any = object()


def _masked(value: Any, schemas: Sequence[Schema], definitions: Mapping[str, Schema]) -> Any:
    flat = [option for schema in schemas for option in _options(schema, definitions)]
    if not flat:
        return MASK
    if any(schema.get("writeOnly") for schema in flat):
        return MASK if value else value
    if any(not schema.keys() & _CONSTRAINTS for schema in flat):
        return value  # of any kind, as in `dict[str, Any]`: nothing in it can be declared as secret
    if isinstance(value, Mapping):
        return {name: _member(name, item, flat, definitions) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_element(place, item, flat, definitions) for place, item in enumerate(value)]
    return value


def _options(schema: Schema | bool, definitions: Mapping[str, Schema]) -> Iterator[Schema]:
    """A schema and those that it refers to or leaves to choose from: secret in one is secret."""
    if isinstance(schema, bool):
        yield from [{}] if schema else []
        return
    if not schema.keys() & _COMPOUNDS:
        yield schema
    if (reference := schema.get("$ref")) is not None:
        yield from _options(definitions[reference.rpartition("/")[2]], definitions)
    for keyword in _COMPOUNDS - {"$ref"}:
        for option in schema.get(keyword, ()):
            yield from _options(option, definitions)


def _member(name: str, value: Any, objects: Sequence[Schema], definitions: Mapping[str, Schema]) -> Any:
    found = (one.get("properties", {}).get(name, one.get("additionalProperties")) for one in objects)
    return _masked(value, [one for one in found if one is not None], definitions)


def _element(place: int, value: Any, arrays: Sequence[Schema], definitions: Mapping[str, Schema]) -> Any:
    found = (
        one["prefixItems"][place] if place < len(one.get("prefixItems", ())) else one.get("items")
        for one in arrays
    )
    return _masked(value, [one for one in found if one is not None], definitions)


def _kept(new: Any, stored: Any, field: str) -> Any:
    if isinstance(new, SecretStr):
        new = new.get_secret_value()
    if new == MASK:
        if stored is _NOTHING:
            raise BadInput(f"Nothing is stored for {field}: give its value instead of the mask.", field)
        return stored
    if isinstance(new, Mapping):
        below = stored if isinstance(stored, Mapping) else {}
        return {name: _kept(item, below.get(name, _NOTHING), f"{field}.{name}") for name, item in new.items()}
    if isinstance(new, list | tuple):
        before = list(stored) if isinstance(stored, list | tuple) else []
        if not _fits(new, before):  # elements were moved, added, changed or taken away
            before = [_counterpart(item, before, f"{field}.{place}") for place, item in enumerate(new)]
        return [_kept(item, before[place], f"{field}.{place}") for place, item in enumerate(new)]
    return new


def _counterpart(item: Any, before: Sequence[Any], field: str) -> Any:
    """The stored element that a submitted one stands for."""
    if not holds_mask(item):
        return _NOTHING
    fitting = [one for one in before if _fits(item, one)]
    if any(one != fitting[0] for one in fitting) or not fitting:
        raise BadInput(
            f"It is not clear which stored value the mask at {field} stands for: give it anew.", field
        )
    return fitting[0]


def holds_mask(value: Any) -> bool:
    """Whether a masked value is anywhere in it."""
    if isinstance(value, Mapping):
        return any(map(holds_mask, value.values()))
    return any(map(holds_mask, value)) if isinstance(value, list | tuple) else value == MASK


def _fits(new: Any, stored: Any) -> bool:
    """Whether they are the same but for masks."""
    if new == MASK:
        return True
    if isinstance(new, Mapping) and isinstance(stored, Mapping):
        return new.keys() == stored.keys() and all(_fits(item, stored[name]) for name, item in new.items())
    if isinstance(new, list | tuple) and isinstance(stored, list | tuple):
        return len(new) == len(stored) and all(map(_fits, new, stored))
    return bool(new == stored)

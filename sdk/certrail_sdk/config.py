"""Configuration models: one frozen pydantic model is the form, the CLI help, the docs and the validation."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Secret = SecretStr
"""A string that is masked in every repr, dump and log. Read it with ``.get_secret_value()``."""


class NewerConfiguration(ValueError):
    """A stored configuration is of a later revision than the installed plugin reads."""


class Config(BaseModel):
    """Base of every plugin configuration: frozen, unknown keys refused, no value echoed in errors.

    Give every field a ``title`` and a ``description``. A secret is a ``Secret``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    revision: ClassVar[int] = 1
    """Raise it when a stored configuration needs ``migrate`` to be read."""

    @classmethod
    def migrate(cls, old: dict[str, Any], revision: int) -> dict[str, Any]:  # noqa: ARG003 - for overriding
        """Turn values stored at ``revision`` into those of the next one; called once for each step.

        Those of a connection and those of a sync or channel come by themselves, so take only what is there:
        ``if "old" in values: values["new"] = values.pop("old")``.
        """
        return old

    @classmethod
    def upgrade(cls, stored: Mapping[str, Any], revision: int) -> dict[str, Any]:
        """Values stored at ``revision`` as those of the present one, step by step.

        Raises:
            NewerConfiguration: a newer version of the plugin stored them.
        """
        if revision > cls.revision:
            raise NewerConfiguration(
                f"it was stored at revision {revision}; the installed version reads up to {cls.revision}"
            )
        values = dict(stored)
        for step in range(revision, cls.revision):
            values = cls.migrate(values, step)
        return values

    @classmethod
    def parse(cls, values: Mapping[str, Any], revision: int | None = None) -> Self:
        """Validate stored or submitted values, migrating them first when they are older.

        Raises:
            pydantic.ValidationError: naming every wrong field, without its value.
            NewerConfiguration: a newer version of the plugin stored them.
        """
        return cls.model_validate(dict(values) if revision is None else cls.upgrade(values, revision))

    def reveal(self) -> dict[str, Any]:
        """The JSON values with secrets in clear: for the encrypted store only."""
        return {k: _clear(v) for k, v in self.model_dump(mode="python").items()}


def _clear(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {k: _clear(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clear(v) for v in value]
    return value


def connection_field(default: Any = ..., **kwargs: Any) -> Any:
    """A field that names or opens the outside system: a host, a path, a credential. Its value comes from a
    Connection of the plugin's ``connection_type`` and from nowhere else: Product Admins say where certrail
    goes and as whom, and many syncs and channels share that."""
    return Field(default, json_schema_extra={"connection": True}, **kwargs)


def connection_fields(config: type[Config]) -> frozenset[str]:
    """The names of the fields that a Connection supplies."""
    return frozenset(
        name
        for name, field in config.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("connection")
    )


def secret_fields(config: type[Config]) -> frozenset[str]:
    """The names of the fields whose values are secret."""
    properties = config.model_json_schema().get("properties", {})
    return frozenset(name for name, schema in properties.items() if _is_secret(schema))


def _is_secret(schema: Mapping[str, Any]) -> bool:
    if schema.get("writeOnly"):
        return True
    return any(_is_secret(option) for option in schema.get("anyOf", ()))

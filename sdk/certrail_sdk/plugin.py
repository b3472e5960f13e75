"""What destinations, notifiers and issuers have in common."""

import logging
import typing
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic

from typing_extensions import TypeVar

from certrail_sdk.config import Config

ConfigT = TypeVar("ConfigT", bound=Config)


Logger = logging.Logger | logging.LoggerAdapter[logging.Logger]


@dataclass(frozen=True, slots=True)
class Context:
    """What the engine lends a plugin object for one call.

    Attributes:
        logger: write here; never write a secret. Its records name the plugin, its version, and the delivery, message or
            other object that the call is for.
    """

    logger: Logger = field(default_factory=lambda: logging.getLogger("certrail.plugin"))


class Plugin(Generic[ConfigT]):
    """Built anew for every call from a configuration and a context; keeps nothing between calls.

    Subclasses name their configuration in the generic argument: ``class Files(Destination[FilesConfig])``.
    """

    name: ClassVar[str] = ""
    """Unique among plugins of its kind: lower-case words joined by ``-``."""
    title: ClassVar[str] = ""
    """How a person calls the outside system."""
    connection_type: ClassVar[str | None] = None
    """Connections of this type may supply the fields made with ``connection_field``."""
    config_type: ClassVar[type[Config]] = Config

    def __init__(self, config: ConfigT, context: Context | None = None) -> None:
        self.config = config
        self.context = context or Context()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Of this class alone: an inherited argument must not win over a config_type that the body sets.
        for base in cls.__dict__.get("__orig_bases__", ()):
            for argument in typing.get_args(base):
                if isinstance(argument, type) and issubclass(argument, Config):
                    cls.config_type = argument

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    async def check(self) -> None:
        """Prove that the configuration works, changing nothing.

        Raises:
            Misconfigured: a field is wrong.
            Unauthorized: the credentials are refused.
            Retryable: the outside system cannot be reached now.
        """
        raise NotImplementedError

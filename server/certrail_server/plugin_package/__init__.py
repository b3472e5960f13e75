"""A new plugin as a package of its own: installable, typed, and green from the start."""

from certrail_server.plugin_package.new import Unfit, create

__all__ = ["Unfit", "create"]

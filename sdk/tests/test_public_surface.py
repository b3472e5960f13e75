"""The public surface of the SDK is pinned: a change is one for every author, see docs/plugins/compatibility.md."""

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

MODULES = (
    "certrail_sdk",
    "certrail_sdk.http",
    "certrail_sdk.named",
    "certrail_sdk.pem",
    "certrail_sdk.testing",
)
PINNED = Path(__file__).parent / "public_surface.txt"


def surface() -> Iterator[str]:
    """One line for each public name: functions with their signatures, classes with their public members."""
    for name in MODULES:
        module = importlib.import_module(name)
        own = (each for each, value in vars(module).items() if getattr(value, "__module__", "") == name)
        for public in sorted(getattr(module, "__all__", None) or own):
            value = getattr(module, public)
            yield f"{name}.{public}{_shape(value)}"


def _shape(value: object) -> str:
    if inspect.isclass(value):
        fields = getattr(value, "model_fields", None) or getattr(value, "__dataclass_fields__", {})
        members = {*fields, *vars(value)} - {"model_config", "model_fields"}
        return f": {' '.join(sorted(each for each in members if re.match(r'[a-z]', each)))}".rstrip(": ")
    return re.sub(r" at 0x[0-9a-f]+", "", str(inspect.signature(value))) if inspect.isfunction(value) else ""


def test_the_public_surface_is_as_it_was_agreed() -> None:
    assert "\n".join(surface()) + "\n" == PINNED.read_text(), (
        "a name, a signature or a field of the SDK changed: follow docs/plugins/compatibility.md, then write it anew"
    )

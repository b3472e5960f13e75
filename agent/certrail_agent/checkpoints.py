"""Named places between the steps, where a test may end the process. In production they do nothing."""

from collections.abc import Callable

_hook: Callable[[str], None] | None = None


def install(hook: Callable[[str], None] | None) -> None:
    """Call `hook` with the name of every checkpoint that is reached, or stop doing so."""
    global _hook  # noqa: PLW0603 - one process has one hook
    _hook = hook


def checkpoint(name: str) -> None:
    """Mark a step boundary."""
    if _hook is not None:
        _hook(name)

"""Words for people."""


def counted(number: int, noun: str) -> str:
    """``1 certificate``, ``2 certificates``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

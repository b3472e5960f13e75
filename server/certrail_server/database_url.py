"""The database URL: which ones there are, and TLS to PostgreSQL in libpq's words."""

from collections.abc import Mapping
from urllib.parse import parse_qs, quote, urlencode, urlsplit

DATABASES = frozenset({"postgresql", "sqlite"})


def is_database(url: str) -> bool:
    """Whether it is a URL that certrail can open."""
    try:
        parts = urlsplit(url)
        return parts.scheme.partition("+")[0] in DATABASES and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def with_tls(url: str, tls: Mapping[str, str]) -> str:
    """The URL with libpq's connection parameters about TLS, such as ``sslmode``.

    Raises:
        ValueError: SQLite has no TLS, or the URL has parameters about TLS already.
    """
    if not tls:
        return url
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] != "postgresql":
        raise ValueError("CERTRAIL_DATABASE_TLS is about PostgreSQL; there is no TLS to a file")
    given = parse_qs(parts.query, keep_blank_values=True)
    if there := sorted(name for name in given if name.startswith("ssl")):
        raise ValueError(f"CERTRAIL_DATABASE_URL has {', '.join(there)} too; give TLS there or here")
    return f"{url}{'&' if parts.query else '?'}{urlencode(tls, quote_via=quote)}"

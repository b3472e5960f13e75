"""The forms that names in a certificate have. Each function returns the one canonical spelling."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

LONGEST_URI = 2048
LONGEST_UPN = 255

EXTENDED_KEY_USAGES = {
    "serverAuth": "1.3.6.1.5.5.7.3.1",
    "clientAuth": "1.3.6.1.5.5.7.3.2",
    "codeSigning": "1.3.6.1.5.5.7.3.3",
    "emailProtection": "1.3.6.1.5.5.7.3.4",
    "timeStamping": "1.3.6.1.5.5.7.3.8",
    "OCSPSigning": "1.3.6.1.5.5.7.3.9",
    "anyExtendedKeyUsage": "2.5.29.37.0",
}
"""RFC 5280 section 4.2.1.12. Others are written as dotted OIDs."""

_USAGE_NAMES = {oid: name for name, oid in EXTENDED_KEY_USAGES.items()}
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_LOCAL_PART = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_OID = re.compile(r"(?:[01]\.[1-3]?[0-9]|2\.(?:0|[1-9][0-9]*))(?:\.(?:0|[1-9][0-9]*))+")
_LONGEST_OID = 64
_OID_PART_LIMIT = 2**128


def dns_name(value: str) -> str:
    """A host name (RFC 1123) in lower case; a wildcard is the whole first label.

    Raises:
        ValueError: it is something else.
    """
    name = _host_name(value, value.removeprefix("*."))
    return f"*.{name}" if value.startswith("*.") else name


def domain_component(value: str) -> str:
    """One label of a domain in a subject (RFC 4519 section 2.4), its case kept. Raises ValueError."""
    if not _LABEL.fullmatch(value.lower()) or not value.isascii():
        raise ValueError(
            f"{value!r} is not one label of a domain; write example.com as the list of example and com"
        )
    return value


def ip_address(value: str) -> str:
    """An IPv4 or IPv6 address in its shortest spelling. Raises ValueError."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address; write it as 192.0.2.1 or 2001:db8::1") from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            raise ValueError(f"write {value!r} without the zone after %; a certificate cannot hold it")
        if address.ipv4_mapped:
            raise ValueError(f"write {value!r} as the IPv4 address {address.ipv4_mapped}")
    return str(address)


def email_address(value: str) -> str:
    """A mailbox in ASCII (RFC 5280 section 4.2.1.6), its domain in lower case. Raises ValueError."""
    local, _, domain = value.rpartition("@")
    if not _LOCAL_PART.fullmatch(local):
        raise ValueError(f"{value!r} is not an e-mail address; write it as name@example.com, in ASCII")
    return f"{local}@{_host_name(value, domain)}"


def uri(value: str) -> str:
    """An absolute URI (RFC 3986) in ASCII, its scheme and host in lower case. Raises ValueError."""
    if len(value) > LONGEST_URI or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError(
            f"a URI has at most {LONGEST_URI} ASCII characters and no blanks; write others as %XX"
        )
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if not parts.scheme or not (parts.netloc or parts.path):
        raise ValueError(
            f"{value!r} is not an absolute URI; begin it with a scheme, as in spiffe://example.com/web"
        )
    user, at, host = parts.netloc.rpartition("@")
    rest = value[len(parts.scheme) + 1 :].replace(parts.netloc, f"{user}{at}{host.lower()}", 1)
    return f"{parts.scheme}:{rest}"


def user_principal_name(value: str) -> str:
    """A Windows user principal name, ``user@domain``. Raises ValueError."""
    user, _, domain = value.rpartition("@")
    if not user or not domain or not value.isprintable() or re.search(r"\s", value):
        raise ValueError(f"{value!r} is not a user principal name; write it as user@example.com")
    if len(value.encode()) > LONGEST_UPN:
        raise ValueError(f"a user principal name has at most {LONGEST_UPN} bytes; shorten it")
    return value


def extended_key_usage(value: str) -> str:
    """The name of a well-known usage, or the dotted OID of another. Raises ValueError."""
    if value in EXTENDED_KEY_USAGES:
        return value
    parts = value.split(".") if _OID.fullmatch(value) and len(value) <= _LONGEST_OID else []
    if not parts or any(int(part) >= _OID_PART_LIMIT for part in parts):
        raise ValueError(f"{value!r} is neither a dotted OID nor one of {', '.join(EXTENDED_KEY_USAGES)}")
    return _USAGE_NAMES.get(value, value)


def printable(value: str) -> str:
    """Text without control characters. Raises ValueError."""
    if not value.isprintable():
        raise ValueError("control characters are not allowed; remove them")
    return value


def printable_lines(value: str) -> str:
    """Text in lines, without other control characters. Raises ValueError."""
    printable("".join(character for character in value if character not in "\r\n\t"))
    return value


def escaped(value: str, keep: str = "") -> str:
    """Text in which what is not printable is written out, such as ``\\x1b`` for the character that begins a command.

    Names come from certificates, providers and people. A terminal obeys escape sequences in them (CWE-150), and a
    right-to-left override shows another name than is there.

    Args:
        keep: characters that stay, such as line ends.
    """
    if value.isprintable():
        return value
    return "".join(
        c if c.isprintable() or c in keep else c.encode("unicode_escape").decode("ascii") for c in value
    )


def _host_name(whole: str, host: str) -> str:
    if not host.isascii():
        raise ValueError(f"write {whole!r} in ASCII: give the xn-- form of international labels")
    name = host.lower()
    labels = name.split(".")
    if len(whole) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(
            f"{whole!r} is not a DNS name; use letters, digits and hyphens, labels of at most 63 characters, "
            "without a final dot, and a wildcard only as the whole first label, as in *.example.com"
        )
    if labels[-1].isdigit():
        raise ValueError(f"{whole!r} ends in a number, as no DNS name does; give an address as an IP name")
    for label in labels:
        _refuse_broken_a_label(label)
    return name


def _refuse_broken_a_label(label: str) -> None:
    if not label.startswith("xn--"):
        return
    try:
        international = label[4:].encode().decode("punycode")
        if international.isascii():
            raise UnicodeError
    except UnicodeError:
        raise ValueError(f"the label {label!r} does not decode; check its xn-- form") from None

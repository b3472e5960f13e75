"""Which HAProxy, and where its certificates are."""

from certrail_sdk import Config, connection_field

WORD = r"[A-Za-z0-9_./@+-]+"
"""Characters of a path that mean nothing else to the runtime API."""


class HaproxyConfig(Config):
    """A stats socket of the level admin, a crt-list, and the folder in which certificates are named."""

    socket: str = connection_field(
        title="Socket",
        description="`stats socket` of the level admin: a path such as /run/haproxy/admin.sock, or host:port.",
        pattern=rf"^(/{WORD}|[A-Za-z0-9._-]+:[0-9]{{1,5}})$",
    )
    crt_list: str = connection_field(
        title="crt-list",
        description="The file or the folder that `bind ... crt-list` or `crt` names.",
        pattern=rf"^/{WORD}$",
    )
    folder: str = connection_field(
        title="Folder",
        description="Of the certificates, as HAProxy sees it; absolute.",
        pattern=rf"^/{WORD}$",
    )
    keep_files: bool = connection_field(
        True,
        title="Keep files",
        description="Write each certificate into the folder, too, so that a restart keeps it. The worker has the same.",
    )

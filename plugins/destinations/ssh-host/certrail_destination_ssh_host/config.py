"""Which host, how to sign in there, and what is run once a certificate is in place."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from certrail_sdk import Config, Secret, connection_field

Argument = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Mode = Annotated[str, StringConstraints(pattern=r"^0[0-7]{3}$")]


class SshHostConfig(Config):
    """A host with its key, an account with its key, and a folder. What is run there is the connection's, too."""

    host: str = connection_field(
        title="Host", description="DNS name or address.", pattern=r"^[A-Za-z0-9._:-]+$", max_length=253
    )
    port: int = connection_field(22, title="Port", description="TCP port of sshd.", ge=1, le=65535)
    username: str = connection_field(title="User", description="Account on the host.", pattern=r"^[\w.-]+$")
    private_key: Secret = connection_field(
        title="Private key", description="Of that account, in OpenSSH's form or PEM, without a passphrase."
    )
    host_key: str = connection_field(
        title="Host key",
        description="The only key that is accepted, as in a .pub file: ssh-ed25519 AAAA…",
        pattern=r"^[a-z0-9@.-]+ [A-Za-z0-9+/=]+( .*)?$",
    )
    directory: str = connection_field(
        title="Folder",
        description="Existing folder on the host, with an absolute path; each certificate has a folder in it.",
        pattern=r"^(/[\w.@+-]+)+$",
    )
    reload: tuple[Argument, ...] = connection_field(
        (),
        title="Reload",
        description="Command as a list of arguments, such as sudo, systemctl, reload, nginx. No shell reads them.",
        max_length=32,
    )
    health: tuple[Argument, ...] = connection_field(
        (),
        title="Health check",
        description="Command as a list of arguments that succeeds once the service works with the new certificate.",
        max_length=32,
    )
    command_seconds: float = connection_field(
        8.0, title="Time for a command", description="Seconds for each of the two commands.", ge=0.1, le=10
    )
    format: Literal["separate", "combined"] = Field(
        "separate",
        title="Format",
        description="fullchain.pem and privkey.pem, or combined.pem with certificate, chain and key.",
    )
    key_mode: Mode = Field("0600", title="Mode of keys", description="Of each file with a key, octal.")
    owner: str | None = Field(
        None,
        title="Owner",
        description="user:group of the files, set by chown; the account needs the right to do so.",
        pattern=r"^[\w.-]+(:[\w.-]+)?$",
    )

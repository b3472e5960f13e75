"""Where and how files are written."""

import grp
import pwd
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from certrail_sdk import Config, Misconfigured, Secret, connection_field

Mode = Annotated[str, Field(pattern=r"^0?[0-7]{3}$")]
UNCHANGED = -1


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("give an absolute path")
    return path


def _relative(path: str) -> str:
    if not path or Path(path).is_absolute() or ".." in Path(path).parts:
        raise ValueError("give a path below the root, without '..'")
    return path


class FilesConfig(Config):
    """Where and how files are written."""

    root: Annotated[Path, AfterValidator(_absolute)] = connection_field(
        title="Root",
        description="Absolute path of an existing folder on the worker's machine; nothing is written outside.",
    )
    directory: Annotated[str, AfterValidator(_relative)] = Field(
        ".", title="Directory", description="Existing folder below the root.", max_length=1024
    )
    format: Literal["pem", "combined", "pkcs12"] = Field(
        "pem",
        title="Format",
        description="Four PEM files, one PEM file with key, certificate and chain, or one PKCS#12 file.",
    )
    password: Secret | None = Field(
        None, title="Password", description="Protects the PKCS#12 file; none when left out."
    )
    certificate_mode: Mode = Field(
        "0644", title="Certificate mode", description="Octal mode of public files."
    )
    key_mode: Mode = Field("0600", title="Key mode", description="Octal mode of files that hold the key.")
    owner: str | None = Field(
        None, title="Owner", description="User who owns the files; the worker's own when left out."
    )
    group: str | None = Field(
        None, title="Group", description="Group of the files; the worker's own when left out."
    )

    @model_validator(mode="after")
    def _only_pkcs12_is_encrypted(self) -> Self:
        if self.password is not None and self.format != "pkcs12":
            raise ValueError("a password needs the format pkcs12: PEM files are not encrypted")
        return self

    def password_bytes(self) -> bytes | None:
        """The password as PKCS#12 wants it."""
        return self.password.get_secret_value().encode() if self.password else None

    def ownership(self) -> tuple[int, int]:
        """User and group number, -1 where nothing is to change.

        Raises:
            Misconfigured: this machine does not know the name.
        """
        return self._user_number(), self._group_number()

    def _user_number(self) -> int:
        try:
            return pwd.getpwnam(self.owner).pw_uid if self.owner else UNCHANGED
        except KeyError:
            raise Misconfigured("owner", f"the worker's machine has no user {self.owner!r}") from None

    def _group_number(self) -> int:
        try:
            return grp.getgrnam(self.group).gr_gid if self.group else UNCHANGED
        except KeyError:
            raise Misconfigured(
                "group", f"there is no group {self.group!r} on the worker's machine"
            ) from None

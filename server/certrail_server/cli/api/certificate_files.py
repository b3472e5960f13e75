"""Commands that write certificates and keys to files: `cert export` and `cert key`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from certrail_server.cli.common import echo, err, fail
from certrail_server.cli.support.choices import ExportFormat
from certrail_server.cli.support.names import certificate_id
from certrail_server.cli.support.remote import call, read_text, response

Ident = Annotated[str, typer.Argument(help="Id, its unique beginning, or the name of the certificate.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing file.")]
WITH_KEY = ("pkcs12", "jks")


def register(cert: typer.Typer) -> None:
    """Add the commands."""
    cert.command("export")(export_certificate)
    cert.command("key")(show_key)


def export_certificate(
    certificate: Ident,
    output: Annotated[Path, typer.Argument(help="File to write, readable by you only.")],
    format_: Annotated[ExportFormat, typer.Option("--format", help="Format of the file.")] = ExportFormat.PEM,
    root: Annotated[bool, typer.Option("--root", help="Include the root certificate.")] = False,
    password_file: Annotated[
        Path | None, typer.Option(help="File with the password in its first line. Default: a prompt.")
    ] = None,
    force: Force = False,
) -> None:
    """Write a certificate to a file; PKCS#12 and JKS include its private key, encrypted with a password."""
    body: dict[str, object] = {"format": format_, "include_root": root}
    path = f"/certificates/{certificate_id(certificate)}/export"
    with written(output, force) as file:
        if format_ in WITH_KEY:
            body["password"] = _password(password_file)
        content = response("POST", path, body).content
        write(file, content)


def show_key(
    certificate: Ident,
    output: Annotated[
        Path | None,
        typer.Argument(help="File to write, readable by you only. Default: standard output."),
    ] = None,
    force: Force = False,
) -> None:
    """Print the private key of a certificate that you requested; this works once."""
    path = f"/certificates/{certificate_id(certificate)}/private-key"
    if output is None:
        echo(call("POST", path)["private_key"], end="")
        return
    with written(output, force) as file:
        write(file, call("POST", path)["private_key"].encode())


@contextmanager
def written(path: Path, force: bool) -> Iterator[BinaryIO]:
    """A file to write, created before any prompt or call; it is removed when one of them fails."""
    target = path.with_name(f"{path.name}.new") if force else path
    try:
        if force:
            target.unlink(missing_ok=True)
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as problem:
        more = " Give --force to replace it." if isinstance(problem, FileExistsError) else ""
        fail(f"{path} cannot be written: {problem.strerror}.{more}")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        target.replace(path)
    except BaseException as problem:
        with suppress(OSError):
            target.unlink()
        if isinstance(problem, OSError):
            fail(f"{path} cannot be written: {problem.strerror}.")
        raise


def write(file: BinaryIO, content: bytes) -> None:
    """Write all of a file, and say how much that was."""
    file.write(content)
    err.print(f"{len(content)} bytes written", highlight=False)


def _password(file: Path | None) -> str:
    if file is not None:
        return (read_text(file).splitlines() or [""])[0]
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))

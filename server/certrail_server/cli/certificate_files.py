"""What of `cert` writes files: `export` and `key`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from certrail_server.cli.common import err, fail
from certrail_server.cli.remote import answer_of, call, read_text

Ident = Annotated[str, typer.Argument(help="Id.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]
WITH_KEY = ("pkcs12", "jks")


def register(cert: typer.Typer) -> None:
    """Add the commands."""
    cert.command("export")(export_certificate)
    cert.command("key")(show_key)


def export_certificate(
    certificate: Ident,
    output: Annotated[Path, typer.Argument(help="File to write; it is readable by you only.")],
    format_: Annotated[str, typer.Option("--format", help="pem, der, pkcs12 or jks.")] = "pem",
    root: Annotated[bool, typer.Option("--root", help="With the root.")] = False,
    password_file: Annotated[
        Path | None, typer.Option(help="File with the password in its first line. Default: it is asked for.")
    ] = None,
    force: Force = False,
) -> None:
    """Write a certificate to a file. PKCS#12 and JKS hold its private key, under a password."""
    body: dict[str, object] = {"format": format_, "include_root": root}
    with _written(output, force) as file:
        if format_ in WITH_KEY:
            body["password"] = _password(password_file)
        content = answer_of("POST", f"/certificates/{certificate}/export", body).content
        _write(file, content)


def show_key(
    certificate: Ident,
    output: Annotated[
        Path | None,
        typer.Argument(help="File to write; it is readable by you only. Default: standard output."),
    ] = None,
    force: Force = False,
) -> None:
    """Give its private key to whoever asked for the certificate, once: it is not given again."""
    path = f"/certificates/{certificate}/private-key"
    if output is None:
        typer.echo(call("POST", path)["private_key"], nl=False)
        return
    with _written(output, force) as file:
        _write(file, call("POST", path)["private_key"].encode())


@contextmanager
def _written(path: Path, force: bool) -> Iterator[BinaryIO]:
    """A file to write, made before anybody is asked for anything; nothing of it stays when that is refused."""
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


def _write(file: BinaryIO, content: bytes) -> None:
    file.write(content)
    err.print(f"{len(content)} bytes written", highlight=False)


def _password(file: Path | None) -> str:
    if file is not None:
        return (read_text(file).splitlines() or [""])[0]
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))

"""`certrail ca`: certificate authorities and the mirrors of their revocation lists."""

from pathlib import Path
from typing import Annotated

import typer

from certrail_server.cli.api.certificate_files import write, written
from certrail_server.cli.common import echo, fail, out
from certrail_server.cli.support.choices import KeyAlgorithm, RevocationReason
from certrail_server.cli.support.documents import Document, document_in
from certrail_server.cli.support.remote import AsJson, call, create, found, given, read_text
from certrail_server.cli.tables import listed, shown

ca = typer.Typer(no_args_is_help=True)
mirror = typer.Typer(
    help="Mirrors: copies of an authority's revocation lists at a destination.", no_args_is_help=True
)
ca.add_typer(mirror, name="mirror")

Reference = Annotated[str, typer.Argument(help="Slug or id.")]
Slug = Annotated[str, typer.Argument(help="Short name, such as issuing.")]
Title = Annotated[str | None, typer.Option("--name", help="Name for people. Default: the slug.")]
CAS = "/certificate-authorities"

CA_COLUMNS = (
    "slug",
    "kind",
    "status",
    ("key", "key_algorithm"),
    ("version", "certificate.version"),
    ("expires", "certificate.not_after"),
)
MIRROR_COLUMNS = (
    "slug",
    "destination",
    "url",
    ("lists", lambda row: ", ".join(copy["status"] for copy in row["copies"])),
)
HIDDEN = ("certificate", "pem", "chain", "root", "ca_id", "last_warning_threshold", "spki")
"""Not printed of an authority: its active certificate is one of its versions, `ca export` writes the PEM."""


@ca.command("list")
def list_authorities(as_json: AsJson = False) -> None:
    """List authorities."""
    listed(call("GET", CAS)["items"], CA_COLUMNS, as_json)


@ca.command("show")
def show_authority(reference: Reference, as_json: AsJson = False) -> None:
    """Show an authority with every version of its certificate."""
    shown(call("GET", f"{CAS}/{reference}"), as_json, *HIDDEN)


@ca.command("create")
def create_authority(
    slug: Slug,
    common_name: Annotated[str, typer.Option(help="Common name of its subject.")],
    name: Title = None,
    parent: Annotated[str | None, typer.Option(help="Slug or id of the authority that signs it.")] = None,
    external: Annotated[bool, typer.Option(help="An authority outside of certrail signs it.")] = False,
    key_algorithm: Annotated[KeyAlgorithm, typer.Option(help="Algorithm of its key.")] = KeyAlgorithm.EC_P256,
    lifetime: Annotated[str | None, typer.Option(help="Validity period, such as 3650d.")] = None,
    max_path_length: Annotated[int | None, typer.Option(help="Its pathLenConstraint.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create a root, or with --parent or --external an intermediate."""
    body: dict[str, object] = {
        "slug": slug,
        "name": name or slug,
        "subject": {"common_name": common_name},
        "kind": "intermediate" if parent or external else "root",
        "key_algorithm": key_algorithm,
    }
    body |= given(parent=parent, lifetime=lifetime, max_path_length=max_path_length)
    shown(create(CAS, body), as_json, *HIDDEN)


@ca.command("csr")
def authority_csr(reference: Reference) -> None:
    """Print the CSR for another authority to sign."""
    echo(call("GET", f"{CAS}/{reference}/csr")["csr"], end="")


@ca.command("install")
def install_certificate(
    reference: Reference,
    certificate: Annotated[Path, typer.Argument(help="PEM file with the certificate.")],
    chain: Annotated[Path | None, typer.Option(help="PEM file with the certificates above it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Install the certificate that another authority signed."""
    body = {"certificate": read_text(certificate), "chain": read_text(chain) if chain else ""}
    shown(call("POST", f"{CAS}/{reference}/certificate", body), as_json, *HIDDEN)


@ca.command("export")
def export_authority(
    reference: Reference,
    output: Annotated[Path | None, typer.Argument(help="File to write. Default: standard output.")] = None,
    chain: Annotated[
        bool, typer.Option("--chain", help="Append the certificates above it, the root last.")
    ] = False,
    version: Annotated[
        int | None, typer.Option(help="Version of the certificate. Default: the active one.", min=1)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write the certificate of an authority as PEM, for trust stores and chains."""
    row = call("GET", f"{CAS}/{reference}")
    wanted = next(
        (v for v in row["certificates"] if (v["version"] == version if version else v["active"])), None
    )
    if wanted is None:
        fail(f"{reference} has no {f'version {version}' if version else 'active certificate yet'}.")
    pems = [wanted["pem"], *(wanted["chain"] if chain else ())]
    text = "".join(f"{pem.strip()}\n" for pem in dict.fromkeys(filter(None, pems)))
    if output is None:
        echo(text, end="")
        return
    with written(output, force) as file:
        write(file, text.encode())


@ca.command("renew")
def renew_authority(
    reference: Reference,
    new_key: Annotated[bool, typer.Option("--new-key", help="Create a new key.")] = False,
    lifetime: Annotated[str | None, typer.Option(help="Validity period, such as 3650d.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create the next version of an authority's certificate."""
    body = {"new_key": new_key, **({"lifetime": lifetime} if lifetime else {})}
    shown(create(f"{CAS}/{reference}/renew", body), as_json, *HIDDEN)


@ca.command("revoke")
def revoke_authority(
    reference: Reference,
    reason: Annotated[
        RevocationReason, typer.Option(help="Reason code of RFC 5280; certificateHold is refused.")
    ] = RevocationReason.UNSPECIFIED,
) -> None:
    """Revoke an intermediate for good; renew it with --new-key to have it sign again."""
    call("POST", f"{CAS}/{reference}/revoke", {"reason": reason})
    out.print("revoked")


@ca.command("disable")
def disable_authority(reference: Reference) -> None:
    """Stop an authority from signing."""
    call("PATCH", f"{CAS}/{reference}", {"enabled": False})
    out.print("disabled")


@ca.command("enable")
def enable_authority(reference: Reference) -> None:
    """Allow an authority to sign again."""
    call("PATCH", f"{CAS}/{reference}", {"enabled": True})
    out.print("enabled")


@ca.command("delete")
def delete_authority(reference: Reference) -> None:
    """Delete an authority that nothing depends on."""
    call("DELETE", f"{CAS}/{reference}")
    out.print("deleted")


@mirror.command("list")
def list_mirrors(authority: Reference, as_json: AsJson = False) -> None:
    """List the mirrors of an authority's revocation lists."""
    listed(call("GET", f"{CAS}/{authority}/crl-mirrors")["items"], MIRROR_COLUMNS, as_json)


@mirror.command("show")
def show_mirror(authority: Reference, reference: Reference, as_json: AsJson = False) -> None:
    """Show a mirror with the status of every list."""
    shown(found(call("GET", f"{CAS}/{authority}/crl-mirrors")["items"], reference, "mirror"), as_json)


@mirror.command("create")
def create_mirror(authority: Reference, document: Document, as_json: AsJson = False) -> None:
    """Create a mirror of an authority's revocation lists from a JSON document."""
    shown(create(f"{CAS}/{authority}/crl-mirrors", document_in(document)), as_json)


@mirror.command("retry")
def retry_mirror(authority: Reference, reference: Reference) -> None:
    """Publish every list now."""
    call("POST", f"{CAS}/{authority}/crl-mirrors/{reference}/retry")
    out.print("queued")


@mirror.command("delete")
def delete_mirror(authority: Reference, reference: Reference) -> None:
    """Delete a mirror; the lists that it published stay."""
    call("DELETE", f"{CAS}/{authority}/crl-mirrors/{reference}")
    out.print("deleted")

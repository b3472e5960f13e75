"""`ca`, `policy` and `profile`."""

from pathlib import Path
from typing import Annotated

import typer

from certrail_server.cli.common import out
from certrail_server.cli.described import Document, document_in
from certrail_server.cli.remote import AsJson, call, found, given, read_json, read_text
from certrail_server.cli.tables import listed, shown

ca = typer.Typer(help="Certificate authorities.", no_args_is_help=True)
mirror = typer.Typer(help="Copies of an authority's revocation lists elsewhere.", no_args_is_help=True)
ca.add_typer(mirror, name="mirror")
policy = typer.Typer(help="Certificate policies.", no_args_is_help=True)
profile = typer.Typer(help="Certificate profiles.", no_args_is_help=True)

Reference = Annotated[str, typer.Argument(help="Slug or id.")]
Slug = Annotated[str, typer.Argument(help="Short name, such as web-tls.")]
Title = Annotated[str | None, typer.Option("--name", help="Name for people. Default: the slug.")]
CAS, POLICIES, PROFILES = "/certificate-authorities", "/certificate-policies", "/certificate-profiles"

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
HIDDEN = ("certificate", "pem", "chain", "root", "ca_id", "last_warning_threshold")
"""Not shown of an authority: its present certificate is one of its versions, the files can be fetched."""


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
    common_name: Annotated[str, typer.Option(help="Of its subject.")],
    name: Title = None,
    parent: Annotated[str | None, typer.Option(help="Slug or id of the authority above it.")] = None,
    external: Annotated[bool, typer.Option(help="It is signed by somebody else's authority.")] = False,
    key_algorithm: Annotated[str, typer.Option(help="Such as EC_P256 or RSA_3072.")] = "EC_P256",
    lifetime: Annotated[str | None, typer.Option(help="Such as 3650d.")] = None,
    max_path_length: Annotated[int | None, typer.Option(help="Authorities allowed below it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a root, or with --parent or --external an intermediate."""
    body: dict[str, object] = {
        "slug": slug,
        "name": name or slug,
        "subject": {"common_name": common_name},
        "kind": "intermediate" if parent or external else "root",
        "key_algorithm": key_algorithm,
    }
    body |= given(parent=parent, lifetime=lifetime, max_path_length=max_path_length)
    shown(call("POST", CAS, body), as_json, *HIDDEN)


@ca.command("csr")
def authority_csr(reference: Reference) -> None:
    """Print the request that another authority is asked to sign."""
    typer.echo(call("GET", f"{CAS}/{reference}/csr")["csr"], nl=False)


@ca.command("install")
def install_certificate(
    reference: Reference,
    certificate: Annotated[Path, typer.Argument(help="PEM file: the certificate.")],
    chain: Annotated[Path | None, typer.Option(help="PEM file: everything above it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Install what another authority signed."""
    body = {"certificate": read_text(certificate), "chain": read_text(chain) if chain else ""}
    shown(call("POST", f"{CAS}/{reference}/certificate", body), as_json, *HIDDEN)


@ca.command("renew")
def renew_authority(
    reference: Reference,
    new_key: Annotated[bool, typer.Option("--new-key", help="With a new key.")] = False,
    lifetime: Annotated[str | None, typer.Option(help="Such as 3650d.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make the next version of an authority's certificate."""
    body = {"new_key": new_key, **({"lifetime": lifetime} if lifetime else {})}
    shown(call("POST", f"{CAS}/{reference}/renew", body), as_json, *HIDDEN)


@ca.command("disable")
def disable_authority(reference: Reference) -> None:
    """Stop an authority from signing."""
    call("PATCH", f"{CAS}/{reference}", {"enabled": False})
    out.print("disabled")


@ca.command("enable")
def enable_authority(reference: Reference) -> None:
    """Let an authority sign again."""
    call("PATCH", f"{CAS}/{reference}", {"enabled": True})
    out.print("enabled")


@ca.command("delete")
def delete_authority(reference: Reference) -> None:
    """Remove an authority that nothing depends on."""
    call("DELETE", f"{CAS}/{reference}")
    out.print("deleted")


@mirror.command("list")
def list_mirrors(authority: Reference, as_json: AsJson = False) -> None:
    """List where the revocation lists of an authority are copied to."""
    listed(call("GET", f"{CAS}/{authority}/crl-mirrors")["items"], MIRROR_COLUMNS, as_json)


@mirror.command("show")
def show_mirror(authority: Reference, reference: Reference, as_json: AsJson = False) -> None:
    """Show a mirror, and how every list stands there."""
    shown(found(call("GET", f"{CAS}/{authority}/crl-mirrors")["items"], reference, "mirror"), as_json)


@mirror.command("create")
def create_mirror(authority: Reference, document: Document, as_json: AsJson = False) -> None:
    """Have the revocation lists of an authority copied to a destination, from its description."""
    shown(call("POST", f"{CAS}/{authority}/crl-mirrors", document_in(document)), as_json)


@mirror.command("retry")
def retry_mirror(authority: Reference, reference: Reference) -> None:
    """Publish every list there now."""
    call("POST", f"{CAS}/{authority}/crl-mirrors/{reference}/retry")
    out.print("on its way")


@mirror.command("delete")
def delete_mirror(authority: Reference, reference: Reference) -> None:
    """Copy no more; what was published stays."""
    call("DELETE", f"{CAS}/{authority}/crl-mirrors/{reference}")
    out.print("deleted")


@policy.command("list")
def list_policies(as_json: AsJson = False) -> None:
    """List certificate policies."""
    listed(call("GET", POLICIES)["items"], ("slug", "name", "version", "rules"), as_json)


@policy.command("show")
def show_policy(reference: Reference, as_json: AsJson = False) -> None:
    """Show a certificate policy."""
    shown(call("GET", f"{POLICIES}/{reference}"), as_json)


@policy.command("create")
def create_policy(
    slug: Slug,
    rules: Annotated[Path, typer.Argument(help="JSON file with the rules.")],
    name: Title = None,
    as_json: AsJson = False,
) -> None:
    """Say what may be requested.

    What a rule leaves out anything goes for, what it leaves empty nothing. For example:

    {"sans": {"dns": {"allowed": ["*.example.com"]}}, "key_algorithms": ["EC_P256"], "max_ttl": "90d"}
    """
    body = {"slug": slug, "name": name or slug, "rules": read_json(rules)}
    shown(call("POST", POLICIES, body), as_json)


@policy.command("update")
def update_policy(
    reference: Reference,
    rules: Annotated[Path, typer.Argument(help="JSON file with the new rules.")],
    as_json: AsJson = False,
) -> None:
    """Replace the rules of a policy."""
    shown(call("PATCH", f"{POLICIES}/{reference}", {"rules": read_json(rules)}), as_json)


@policy.command("delete")
def delete_policy(reference: Reference) -> None:
    """Remove a policy that no profile uses."""
    call("DELETE", f"{POLICIES}/{reference}")
    out.print("deleted")


@profile.command("list")
def list_profiles(as_json: AsJson = False) -> None:
    """List certificate profiles."""
    listed(call("GET", PROFILES)["items"], ("slug", "name", "issuer_type", "ttl_seconds", "version"), as_json)


@profile.command("show")
def show_profile(reference: Reference, as_json: AsJson = False) -> None:
    """Show a certificate profile."""
    shown(call("GET", f"{PROFILES}/{reference}"), as_json)


@profile.command("create")
def create_profile(
    slug: Slug,
    policy_reference: Annotated[str, typer.Option("--policy", help="Slug or id.")],
    ttl: Annotated[str, typer.Option(help="Lifetime of its certificates, such as 47d.")],
    authority: Annotated[
        str | None, typer.Option("--ca", help="Slug or id. Without one, certificates sign themselves.")
    ] = None,
    name: Title = None,
    as_json: AsJson = False,
) -> None:
    """Join an authority and a policy."""
    issuer = {"ca": authority} if authority else {"issuer_type": "self-signed"}
    body = {"slug": slug, "name": name or slug, "policy": policy_reference, "ttl": ttl, **issuer}
    shown(call("POST", PROFILES, body), as_json)


@profile.command("update")
def update_profile(
    reference: Reference,
    document: Document,
    as_json: AsJson = False,
) -> None:
    """Change what a JSON document names, such as ttl, policy or defaults; what was issued stays as it is."""
    shown(call("PATCH", f"{PROFILES}/{reference}", document_in(document)), as_json)


@profile.command("delete")
def delete_profile(reference: Reference) -> None:
    """Remove a profile that was never used."""
    call("DELETE", f"{PROFILES}/{reference}")
    out.print("deleted")

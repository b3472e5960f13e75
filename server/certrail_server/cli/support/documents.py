"""Commands for objects that are described by a JSON document, which is the body that the API takes."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from certrail_server.cli.common import out
from certrail_server.cli.support.remote import (
    AsJson,
    Json,
    call,
    create,
    found,
    parsed_json,
    read_json,
    scope,
)
from certrail_server.cli.tables import Column, listed, shown

Application = Annotated[
    str, typer.Argument(help="Slug or id of the Application; - for the legacy scope, which has none.")
]
Reference = Annotated[str, typer.Argument(help="Slug or id.")]
Document = Annotated[
    Path, typer.Argument(help="JSON file with the body that the API takes; - for standard input.")
]

GLOBAL = ' With - for the Application, "product_wide": true in the document makes a global one.'
GLOBAL_TOO = {"channels": GLOBAL, "alerts": GLOBAL}
"""Nouns that exist globally too, with what is said of it when one is created."""
Named = Mapping[str, str]
"""Members that hold ids, and the list with the slugs: of the product, or of the Application."""


def in_applications(noun: str, columns: Sequence[Column], refer: Named | None = None) -> typer.Typer:
    """`list`, `show`, `create`, `update` and `delete` for objects of an Application, such as ``channels``."""
    group = kept_in_applications(noun, columns, refer)

    @group.command("delete", help=f"Delete one of the {_words(noun)}.")
    def delete_object(application: Application, reference: Reference) -> None:
        call("DELETE", f"{scope(application)}/{noun}/{reference}")
        out.print("deleted")

    return group


def kept_in_applications(noun: str, columns: Sequence[Column], refer: Named | None = None) -> typer.Typer:
    """The same without `delete`, for objects that are deleted in a way of their own."""
    group = typer.Typer(no_args_is_help=True)
    one = word(noun)

    @group.command("list", help=f"List the {_words(noun)} of an Application.")
    def list_objects(application: Application, as_json: AsJson = False) -> None:
        rows = call("GET", f"{scope(application)}/{noun}")["items"]
        listed(rows if as_json else _readable(rows, application, refer or {}), columns, as_json)

    @group.command("show", help=f"Show one of the {_words(noun)}.")
    def show_object(application: Application, reference: Reference, as_json: AsJson = False) -> None:
        row = found(call("GET", f"{scope(application)}/{noun}")["items"], reference, one)
        shown(row if as_json else _readable([row], application, refer or {})[0], as_json)

    @group.command("create", help=f"Create {_a(one)} from a JSON document.{GLOBAL_TOO.get(noun, '')}")
    def create_object(application: Application, document: Document, as_json: AsJson = False) -> None:
        shown(create(f"{scope(application)}/{noun}", document_in(document)), as_json)

    @group.command("update", help=f"Change the members of {_a(one)} that a JSON document names.")
    def update_object(
        application: Application, reference: Reference, document: Document, as_json: AsJson = False
    ) -> None:
        path = f"{scope(application)}/{noun}/{reference}"
        shown(call("PATCH", path, document_in(document)), as_json)

    return group


def of_the_product(noun: str, columns: Sequence[Column]) -> typer.Typer:
    """The same for objects that all Applications share, such as ``connections``."""
    group = typer.Typer(no_args_is_help=True)
    one = word(noun)

    @group.command("list", help=f"List the {_words(noun)}.")
    def list_objects(as_json: AsJson = False) -> None:
        listed(call("GET", f"/{noun}")["items"], columns, as_json)

    @group.command("show", help=f"Show one of the {_words(noun)}.")
    def show_object(reference: Reference, as_json: AsJson = False) -> None:
        shown(found(call("GET", f"/{noun}")["items"], reference, one), as_json)

    @group.command("create", help=f"Create {_a(one)} from a JSON document.")
    def create_object(document: Document, as_json: AsJson = False) -> None:
        shown(create(f"/{noun}", document_in(document)), as_json)

    @group.command("update", help=f"Change the members of {_a(one)} that a JSON document names.")
    def update_object(reference: Reference, document: Document, as_json: AsJson = False) -> None:
        shown(call("PATCH", f"/{noun}/{reference}", document_in(document)), as_json)

    @group.command("delete", help=f"Delete one of the {_words(noun)}.")
    def delete_object(reference: Reference) -> None:
        call("DELETE", f"/{noun}/{reference}")
        out.print("deleted")

    return group


def slugs(path: str) -> dict[str, str]:
    """The slugs of the objects of a list, by id."""
    return {row["id"]: row["slug"] for row in call("GET", path)["items"]}


def document_in(path: Path) -> Any:
    """A JSON document; ends the command when it cannot be read. Standard input keeps secrets off the disk."""
    return parsed_json(sys.stdin.read(), "standard input") if str(path) == "-" else read_json(path)


def word(noun: str) -> str:
    """The singular of a noun of the API."""
    words = _words(noun)
    return f"{words[:-3]}y" if words.endswith("ies") else words.removesuffix("s")


def _readable(rows: Sequence[Json], application: str, refer: Named) -> list[Json]:
    """The same rows with slugs in the place of ids."""
    for member, path in refer.items() if rows else ():
        known = slugs(path if path.startswith("/") else f"{scope(application)}/{path}")
        rows = [{**row, member: [known.get(ident, ident) for ident in row[member]]} for row in rows]
    return list(rows)


def _a(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _words(noun: str) -> str:
    return noun.replace("-", " ")

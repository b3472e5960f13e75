"""Commands for what is described by a JSON document: the body that the API takes."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from certrail_server.cli.common import out
from certrail_server.cli.remote import AsJson, call, listed, parsed_json, read_json, scope, shown

Application = Annotated[
    str, typer.Argument(help="Slug or id of the Application; - for what belongs to none.")
]
Reference = Annotated[str, typer.Argument(help="Slug or id.")]
Document = Annotated[Path, typer.Argument(help="JSON file with what the API takes; - for standard input.")]


def in_applications(noun: str, columns: Sequence[str]) -> typer.Typer:
    """`list`, `create`, `update` and `delete` for objects of an Application, such as ``channels``."""
    group = kept_in_applications(noun, columns)

    @group.command("delete", help=f"Delete one of the {_words(noun)}.")
    def delete_object(application: Application, reference: Reference) -> None:
        call("DELETE", f"{scope(application)}/{noun}/{reference}")
        out.print("deleted")

    return group


def kept_in_applications(noun: str, columns: Sequence[str]) -> typer.Typer:
    """The same for what is deleted in a way of its own."""
    group = _group(noun)

    @group.command("list", help=f"List the {_words(noun)} of an Application.")
    def list_objects(application: Application, as_json: AsJson = False) -> None:
        listed(call("GET", f"{scope(application)}/{noun}")["items"], columns, as_json)

    @group.command("create", help=f"Make one of the {_words(noun)} from its description.")
    def create_object(application: Application, document: Document, as_json: AsJson = False) -> None:
        shown(call("POST", f"{scope(application)}/{noun}", document_in(document)), as_json)

    @group.command("update", help="Change what the description names; the rest stays.")
    def update_object(
        application: Application, reference: Reference, document: Document, as_json: AsJson = False
    ) -> None:
        path = f"{scope(application)}/{noun}/{reference}"
        shown(call("PATCH", path, document_in(document)), as_json)

    return group


def of_the_product(noun: str, columns: Sequence[str]) -> typer.Typer:
    """The same for objects that all Applications share, such as ``connections``."""
    group = _group(noun)

    @group.command("list", help=f"List the {_words(noun)}.")
    def list_objects(as_json: AsJson = False) -> None:
        listed(call("GET", f"/{noun}")["items"], columns, as_json)

    @group.command("create", help=f"Make one of the {_words(noun)} from its description.")
    def create_object(document: Document, as_json: AsJson = False) -> None:
        shown(call("POST", f"/{noun}", document_in(document)), as_json)

    @group.command("update", help="Replace what the description names; the rest stays.")
    def update_object(reference: Reference, document: Document, as_json: AsJson = False) -> None:
        shown(call("PUT", f"/{noun}/{reference}", document_in(document)), as_json)

    @group.command("delete", help=f"Delete one of the {_words(noun)}.")
    def delete_object(reference: Reference) -> None:
        call("DELETE", f"/{noun}/{reference}")
        out.print("deleted")

    return group


def document_in(path: Path) -> Any:
    """A JSON document; ends the command when it cannot be read. Standard input keeps secrets off the disk."""
    return parsed_json(sys.stdin.read(), "standard input") if str(path) == "-" else read_json(path)


def _group(noun: str) -> typer.Typer:
    return typer.Typer(help=f"{_words(noun).capitalize()}.", no_args_is_help=True)


def _words(noun: str) -> str:
    return noun.replace("-", " ")

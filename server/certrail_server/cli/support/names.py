"""Which object a person means: a full id, the unique beginning of one, or a certificate's name."""

import re
from collections.abc import Iterator
from heapq import merge
from itertools import islice
from typing import Any

from certrail_server.cli.common import fail
from certrail_server.cli.support.remote import LARGEST_PAGE, Json, call, pages
from certrail_server.cli.tables import SHORT_ID, named

FULL_ID = re.compile(r"[0-9a-f]{32}")
PREFIX = re.compile(r"[0-9a-f]{4,31}")
MOST_LISTED = 10


def object_id(kind: str, reference: str) -> str:
    """The id of an object, such as of kind ``delivery``; ends the command when none or several are meant."""
    if FULL_ID.fullmatch(reference) or not PREFIX.fullmatch(reference):
        return reference  # the server says what is wrong with anything else
    rows = call("GET", "/object-ids", prefix=reference)["items"]
    matching = [row["id"] for row in rows if row["kind"] == kind]
    if len(matching) > 1:
        shown = ", ".join(matching[:MOST_LISTED])
        fail(f"{reference} is ambiguous: it begins the ids {shown}. Give more digits.")
    return str(matching[0]) if matching else reference


def certificate_id(reference: str) -> str:
    """The id of a certificate, given by id, the beginning of one, or a DNS or other name."""
    ident = object_id("certificate", reference)
    if ident != reference or FULL_ID.fullmatch(reference):
        return ident
    rows = list(islice(certificates(LARGEST_PAGE, name=reference), LARGEST_PAGE))
    present = [row for row in rows if row["status"] == "active"] or rows
    if len(present) > 1:
        listed = "; ".join(
            f"{row['id'][:SHORT_ID]} {named(row['common_name'], row['names'])}, {row['status']}, expires"
            f" {row['not_after'][:10]}"
            for row in present[:MOST_LISTED]
        )
        fail(f"{reference} is ambiguous: {len(present)} certificates have this name. Give an id: {listed}.")
    return str(present[0]["id"]) if present else reference


def certificates(most: int, **query: Any) -> Iterator[Json]:
    """Certificates of every Application that the caller may see, in the order of the query's `sort`."""
    if "inventory:read" in call("GET", "/me")["permissions"]:
        yield from pages("/certificates", most, **query)
        return
    # Each Application's list comes in this order, so merging their heads keeps it without reading them whole.
    newest = query.get("sort") == "newest"
    lists = [
        pages(f"/applications/{row['slug']}/certificates", most, **query)
        for row in call("GET", "/applications")["items"]
    ]
    order = (lambda row: row["created_at"]) if newest else (lambda row: row["not_after"])
    yield from islice(merge(*lists, key=order, reverse=newest), most)

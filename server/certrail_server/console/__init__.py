"""The console: certrail's pages for a browser. They use the services and permissions of the API, and never SQL.

How a page is added:

1. A module of `pages/` has a `router = page_router("/…")` and one function for each page. Its parameter
   ``call: Annotated[Call, allow(Permission.…)]`` lets the call through as a route of the API does: a path parameter
   `application`, or one of `OWNER_OF` in `api/guard.py`, says where. It reads what it shows through `call.services` and
   `api/answers`, and ends with ``return Page(request, call).render("subject/page.html", …)``.
2. Its templates are in `templates/<subject>/` and extend `base.html`: blocks `title`, `header` and `content`. They use
   the components of `templates/parts/ui.html` as `ui.…`; `/console/components` shows them all. Everything is escaped.
   A list that a form filters is a block of its own: ``render(…, block="list")`` answers htmx with that block alone.
3. What changes something is ``@router.post``, whose form begins with ``{{ ui.csrf(page) }}`` and is read by
   `form_of(request)`; after it, ``Page(request, call).go(path, "notice")`` sends the browser to a page (303), with a
   sentence of `notices.py`. A refusal is shown as a page by itself, in the words of the API; where a form should
   be shown again, the function catches `CertrailError`.
   What a form asks for is read by the models of the API, through `inputs.py`; controls for the settings of a plugin
   come from its schema, through `schema_form.py`.
   A form that is one operation of the API is no page of its own: it is an `Operation` of `operations/`. Each route
   that changes something names the operations that it offers, ``openapi_extra={"offers": "…"}``;
   `tests/integration/console/test_offers.py` compares them with the API.
4. The router is named in `pages/application/__init__.py`, in `pages/product/__init__.py` or in `site.py`, an entry of
   the menu in `navigation.py`. ``python -m docs.generate`` writes the permission table, by which
   `tests/integration/access/test_permission_matrix.py` calls every page as everybody.
5. `tests/integration/console/pages.py` lists the page: it is then looked at in each role, for its headers, its size,
   the number of its statements, text from outside, and things that a page may not have.

No page has a script or a style of its own: styles are in `static/`, and every page works without a script.
"""

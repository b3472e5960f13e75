import pytest

from certrail.domain.errors import BadInput
from certrail.domain.object_names import ObjectNameSchema

ID = "5f0c" * 8
LINEAGE = "ab12" * 8
KEY_VAULT = r"[A-Za-z0-9-]+"
LOWER_CASE = r"[a-z][a-z0-9-]*"


def rendered(
    schema: str, pattern: str = KEY_VAULT, common_name: str = "www.example.com", length: int | None = None
) -> str:
    return ObjectNameSchema.parse(schema).render(
        certificate_id=ID,
        lineage_id=LINEAGE,
        common_name=common_name,
        profile="tls",
        application="payments",
        pattern=pattern,
        length=length,
    )


def test_every_placeholder_is_filled() -> None:
    schema = "{{certificate_id}}-{{ lineage_id }}-{{profile}}-{{application}}"
    assert rendered(schema) == f"{ID}-{LINEAGE}-tls-payments"


def test_characters_the_destination_does_not_take_become_hyphens() -> None:
    assert (
        rendered("{{profile}}-{{common_name}}-{{lineage_id}}", common_name="a_b.Example.com")
        == f"tls-a-b-Example-com-{LINEAGE}"
    )


def test_no_name_begins_with_a_hyphen() -> None:
    """Else `rm *` in the folder of the objects would take one for options."""
    assert rendered("{{common_name}}-{{lineage_id}}", common_name="-Example.com") == f"Example-com-{LINEAGE}"
    assert rendered("{{common_name}}-{{lineage_id}}", common_name="*") == LINEAGE
    schema = ObjectNameSchema.parse("-{{lineage_id}}")
    assert "hyphen" in (schema.problem(pattern=KEY_VAULT, length=100) or "")


def test_capitals_become_small_where_only_small_letters_are_taken() -> None:
    assert rendered("{{common_name}}-{{lineage_id}}", LOWER_CASE, "API.ex") == f"api-ex-{LINEAGE}"


def test_long_texts_are_cut_and_ids_never() -> None:
    name = rendered(
        "{{common_name}}-{{application}}-{{lineage_id}}", common_name="first" + "a" * 59, length=50
    )
    assert len(name) == 50
    assert name.startswith("first")
    assert name.endswith(LINEAGE)
    assert rendered("{{lineage_id}}", length=10) == LINEAGE


@pytest.mark.parametrize(
    "schema", ["{{serial}}-{{lineage_id}}", "{{Lineage_Id}}", "{{lineage_id}", "{x}{{lineage_id}}"]
)
def test_unknown_placeholders_and_stray_braces_are_refused(schema: str) -> None:
    with pytest.raises(BadInput, match="certificate_id") as caught:
        ObjectNameSchema.parse(schema)
    assert caught.value.extra["field"] == "name_schema"


def test_a_schema_without_an_id_or_a_name_would_clash() -> None:
    problem = ObjectNameSchema.parse("{{application}}-{{profile}}").problem(pattern=KEY_VAULT, length=100)
    assert problem is not None
    assert "clash" in problem


def test_a_schema_without_an_id_is_stable() -> None:
    assert ObjectNameSchema.parse("{{profile}}-{{common_name}}").is_stable
    assert not ObjectNameSchema.parse("{{common_name}}-{{ lineage_id }}").is_stable


def test_a_wildcard_has_a_name_of_its_own() -> None:
    assert rendered("{{common_name}}", common_name="*.example.com") == "wildcard-example-com"
    assert rendered("{{common_name}}", r"[a-z.]+", "*.example.com") == "wildcard.example.com"


@pytest.mark.parametrize(
    ("schema", "pattern", "length", "part"),
    [
        ("web_{{lineage_id}}", KEY_VAULT, 127, "do not fit"),
        ("{{lineage_id}}", KEY_VAULT, 31, "32 characters"),
        ("{{lineage_id}}", LOWER_CASE, 63, "do not fit"),
        ("a{{short_certificate_id}}", LOWER_CASE, 63, "do not fit"),
    ],
)
def test_a_schema_that_cannot_fit_is_refused_when_it_is_saved(
    schema: str, pattern: str, length: int, part: str
) -> None:
    problem = ObjectNameSchema.parse(schema).problem(pattern=pattern, length=length)
    assert problem is not None
    assert part in problem


@pytest.mark.parametrize(
    "schema", ["certrail-{{short_certificate_id}}", "{{common_name}}-{{certificate_id}}"]
)
def test_a_schema_that_fits_has_no_problem(schema: str) -> None:
    assert ObjectNameSchema.parse(schema).problem(pattern=KEY_VAULT, length=127) is None

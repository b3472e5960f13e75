"""No secret of any configuration is shown, however deep it is, and a mask that comes back keeps its value."""

import json
from typing import Any

import pytest
from hypothesis import strategies as st
from pydantic import BaseModel, create_model
from tests.support.properties import given

from certrail.domain.errors import BadInput
from certrail.plugins.redaction import MASK
from certrail.services.integrations.masking import keep_masked, masked
from certrail_sdk import Config, Secret

SECRET = "s3cr3t-"


class Login(BaseModel):
    user: str
    password: Secret


class Key(BaseModel):
    key_id: int
    token: Secret | None = None


counter = st.integers(0, 10**6)
secret = counter.map(f"{SECRET}{{}}".format)
plain = st.text("ab", max_size=3)
login = st.builds(lambda user, password: {"user": user, "password": password}, plain, secret)
key = st.builds(lambda ident, token: {"key_id": ident, "token": token}, counter, st.none() | secret)

LEAVES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (Secret, secret),
    (Secret | None, st.none() | secret),
    (str, plain),
    (int, counter),
    (Login, login),
    (Login | None, st.none() | login),
    (Login | Key, login | key),
]


def deeper(below: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def wrap(pair: tuple[Any, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
        kind, values = pair
        return st.sampled_from(
            [
                (list[kind], st.lists(values, max_size=3)),  # type: ignore[valid-type]
                (dict[str, kind], st.dictionaries(plain, values, max_size=3)),  # type: ignore[valid-type]
                (tuple[str, kind], st.tuples(plain, values).map(list)),  # type: ignore[valid-type]
            ]
        )

    return below.flatmap(wrap)


kinds = st.recursive(st.sampled_from(LEAVES), deeper, max_leaves=3)


@st.composite
def configurations(draw: st.DrawFn) -> tuple[type[Config], dict[str, Any]]:
    fields = draw(st.lists(kinds, min_size=1, max_size=4))
    made: dict[str, Any] = {f"f{n}": (kind, ...) for n, (kind, _) in enumerate(fields)}
    model = create_model("Made", __base__=Config, **made)
    return model, {f"f{n}": draw(values) for n, (_, values) in enumerate(fields)}


@given(configurations())
def test_no_secret_is_shown_and_each_is_kept(made: tuple[type[Config], dict[str, Any]]) -> None:
    model, values = made
    model.model_validate(values)
    shown = masked(model, values)
    assert SECRET not in json.dumps(shown)
    assert shown.keys() == values.keys()
    assert keep_masked(shown, values) == values


def test_what_the_schema_does_not_know_is_masked() -> None:
    class Made(Config):
        login: Login
        anything: dict[str, Any]

    values = {
        "login": {"user": "u", "password": "p", "older": "p"},
        "older": "p",
        "anything": {"a": {"b": [1]}},
    }
    assert masked(Made, values) == {
        "login": {"user": "u", "password": MASK, "older": MASK},
        "older": MASK,
        "anything": {"a": {"b": [1]}},
    }
    assert set(masked(None, values).values()) == {MASK}


def test_masks_follow_the_elements_of_a_list() -> None:
    stored = {"logins": [{"user": name, "password": name * 2} for name in "abc"]}
    moved = [
        {"user": "c", "password": MASK},
        {"user": "new", "password": "n"},
        {"user": "a", "password": MASK},
    ]
    kept = keep_masked({"logins": moved}, stored)["logins"]
    assert [one["password"] for one in kept] == ["cc", "n", "aa"]


@pytest.mark.parametrize(
    "new",
    [
        {"other": MASK},
        {"logins": [{"user": "nobody", "password": MASK}]},
        {
            "logins": [
                {"user": "a", "password": MASK},
                {"user": "b", "password": MASK},
                {"user": "c", "password": MASK},
            ]
        },
        {"pair": [MASK]},
    ],
)
def test_a_mask_that_stands_for_nothing_is_refused(new: dict[str, Any]) -> None:
    stored = {
        "logins": [{"user": "a", "password": "aa"}, {"user": "b", "password": "bb"}],
        "pair": ["x", "y"],
    }
    with pytest.raises(BadInput) as refusal:
        keep_masked(new, stored)
    assert "aa" not in refusal.value.detail

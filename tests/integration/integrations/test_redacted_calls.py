"""What a plugin was handed does not come back into receipts, errors and the record."""

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import BaseModel, SecretStr

from certrail.domain.content import KeyAlgorithm
from certrail.pki.keys import generate, to_pem
from certrail.plugins.redaction import MASK, Redactor
from certrail.services.core.effects import PluginCall
from certrail.services.integrations.receipts import BrokenContract, checked_receipt
from certrail_sdk import Receipt, Retryable

PASSWORD = 'pass "word"/ä=1'
KEY = to_pem(generate(KeyAlgorithm.RSA_2048)).decode()


class Login(BaseModel):
    user: str = "user"
    codes: list[SecretStr]


@dataclass(frozen=True)
class Handed:
    login: Login
    more: dict[str, Any]


HANDED = Handed(Login(codes=[SecretStr(PASSWORD), SecretStr("short")]), {"key": SecretStr(KEY)})
SECRETS = Redactor.of(HANDED)


@pytest.mark.parametrize(
    "form",
    [
        PASSWORD,
        quote(PASSWORD, safe=""),
        json.dumps(PASSWORD)[1:-1],
        base64.b64encode(PASSWORD.encode()).decode(),
        KEY,
        KEY.strip(),
        KEY.splitlines()[3],
        "".join(KEY.splitlines()[1:-1]),
        repr(KEY)[1:-1],
        json.dumps({"key": KEY}),
    ],
    ids=[
        "plain",
        "url",
        "json",
        "base64",
        "pem",
        "stripped pem",
        "line",
        "joined lines",
        "repr",
        "pem in json",
    ],
)
def test_every_form_is_masked(form: str) -> None:
    answer = Receipt(
        reference=f"a {form} b", fingerprint="f", changed=True, details={"x": f"<{form}>", form: "y"}
    )
    masked = SECRETS.value(answer)
    text = masked.model_dump_json() + SECRETS.text(f"in {form}")
    assert MASK in masked.reference
    for secret in (PASSWORD, json.dumps(PASSWORD)[1:-1], *KEY.splitlines()[1:-1]):
        assert secret not in text
    assert masked.fingerprint == "f"


def test_what_is_no_secret_stays() -> None:
    answer = Receipt(reference="arn:aws:acm:short:user", fingerprint="f", changed=True)
    assert SECRETS.value(answer) == answer
    assert Redactor.of().text("anything") == "anything"
    assert "word" not in repr(SECRETS)


@dataclass(frozen=True, kw_only=True)
class Call(PluginCall[str]):
    login: Login

    async def perform(self) -> str:
        raise Retryable(f"401 for {PASSWORD}", action=f"use another than {PASSWORD}")


async def test_errors_of_a_call_are_masked() -> None:
    with pytest.raises(Retryable) as raised:
        await Call(subject_id="1", plugin="p 1", login=HANDED.login).answer()
    assert str(raised.value) == f"401 for {MASK}"
    assert raised.value.action == f"use another than {MASK}"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"fingerprint": "other"}, "another fingerprint"),
        ({"reference": " "}, "no reference"),
        ({"reference": "r" * 3000}, "longer than"),
        ({"version": "v" * 3000}, "longer than"),
        ({"details": {str(n): "" for n in range(51)}}, "details"),
        ({"details": {"x": "y" * 3000}}, "details"),
    ],
)
def test_a_receipt_says_what_was_done(changes: dict[str, Any], fault: str) -> None:
    good = {"reference": "r", "fingerprint": "f", "changed": True}
    assert checked_receipt(Receipt.model_validate(good), "f").reference == "r"
    with pytest.raises(BrokenContract, match=fault):
        checked_receipt(Receipt.model_validate({**good, **changes}), "f")
    with pytest.raises(TypeError):
        checked_receipt(good, "f")

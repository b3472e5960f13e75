"""Lists and answers may be kept on the way, as long as they say themselves and no longer."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import httpx2
import pytest
from cryptography import x509
from cryptography.x509 import ocsp
from tests.integration.conftest import Team
from tests.integration.lifecycle.test_revocation import OCSP, issued, question
from tests.support.web import serving


@pytest.fixture
def url(team: Team) -> Iterator[str]:
    with serving(team.services) as url:
        yield url


def asked(url: str, **headers: str) -> httpx2.Response:
    return httpx2.get(url, headers=headers, trust_env=False, timeout=60)


def test_an_answer_by_get_says_how_long_it_holds_and_one_with_a_nonce_does_not(team: Team, url: str) -> None:
    row = issued(team)
    plain = quote(base64.b64encode(question(team, row)).decode(), safe="")
    answer = asked(f"{url}{OCSP}/{plain}")
    reported = ocsp.load_der_ocsp_response(answer.content)
    assert parsedate_to_datetime(answer.headers["last-modified"]) == reported.this_update_utc
    assert parsedate_to_datetime(answer.headers["expires"]) == reported.next_update_utc
    assert answer.headers["etag"].strip('"')
    fresh = quote(base64.b64encode(question(team, row, nonce=b"0123456789abcdef")).decode(), safe="")
    kept = {"last-modified", "expires", "etag"}
    assert kept.isdisjoint(asked(f"{url}{OCSP}/{fresh}").headers)


def test_a_list_is_sent_once_to_whoever_keeps_it(team: Team, url: str) -> None:
    row = issued(team)
    first = asked(f"{url}/crl/root.crl")
    reported = x509.load_der_x509_crl(first.content)
    assert parsedate_to_datetime(first.headers["last-modified"]) == reported.last_update_utc
    assert parsedate_to_datetime(first.headers["expires"]) == reported.next_update_utc
    tag = first.headers["etag"]
    for known in (tag, f'"other", W/{tag}'):
        again = asked(f"{url}/crl/root.crl", **{"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    team.clock.advance(timedelta(seconds=1))
    team.services.revocation.revoke(team.admin, row.id)
    changed = asked(f"{url}/crl/root.crl", **{"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    assert len(list(x509.load_der_x509_crl(changed.content))) == 1

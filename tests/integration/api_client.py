"""Somebody's way into the API, and whether what is sent is refused there as it should be."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from sqlmodel import func, select
from tests.integration.conftest import Team
from tests.support.web import serving

from certrail.persistence.tables import Certificate, CertificateRequest

Bodies = dict[str, tuple[Any, str]]
"""By the kind of fault: what is sent, and a word of the answer."""


@dataclass(frozen=True)
class ApiClient:
    """The API, and somebody's way in."""

    client: httpx2.Client
    team: Team

    def post(self, path: str, body: object) -> httpx2.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        return self.client.post(f"/api/v1/{path}", content=content, headers=headers)

    def refuses(self, path: str, bodies: Bodies) -> None:
        """Whether each of them is answered with a problem that names the fault."""
        assert len(bodies) >= 20
        answers = ((what, self.post(path, body), word) for what, (body, word) in bodies.items())
        wrong = [f"{what}: {reported(answer)}" for what, answer, word in answers if not names(answer, word)]
        assert not wrong, "\n".join(wrong)

    def kept(self) -> int:
        """How many requests and certificates there are."""
        with self.team.services.context.db.read() as session:
            tables = (Certificate, CertificateRequest)
            return sum(session.exec(select(func.count()).select_from(table)).one() for table in tables)


def names(answer: httpx2.Response, word: str) -> bool:
    """Whether it is a problem of the sender's that is named by this word."""
    if not 400 <= answer.status_code < 500 or answer.headers["content-type"] != "application/problem+json":
        return False
    problem = answer.json()
    return (
        bool(problem["detail"])
        and word in f"{problem['detail']} {problem.get('field')} {problem.get('errors')}"
    )


def reported(answer: httpx2.Response) -> str:
    return f"{answer.status_code} {answer.text[:200]}"


@contextmanager
def entered(team: Team, who: str) -> Iterator[ApiClient]:
    _, token = team.services.tokens.issue(team.actor(who), who, name="t")
    headers = {"authorization": f"Bearer {token}"}
    with serving(team.services) as url, httpx2.Client(base_url=url, headers=headers, timeout=60) as client:
        yield ApiClient(client, team)

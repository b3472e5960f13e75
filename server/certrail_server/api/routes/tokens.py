"""Access tokens, and who calls."""

from typing import Annotated

from fastapi import APIRouter, Query

from certrail.domain.access import Permission
from certrail.persistence.tables import AccessToken
from certrail_server.api.answers.access import new_token_answer, token_answers
from certrail_server.api.guard import Call, allow, idempotent
from certrail_server.api.schemas.access import MeOut, NewTokenOut, RotationIn, TokenIn, TokenList, TokenOut

router = APIRouter(tags=["access"])
Own = Annotated[Call, allow(Permission.TOKEN_SELF)]


@router.get("/tokens")
def list_tokens(
    call: Own,
    principal: Annotated[
        str | None,
        Query(max_length=320, description="Slug, id or e-mail address of the owner; for Product Admins."),
    ] = None,
) -> TokenList:
    """The caller's tokens; their text is never shown again."""
    return TokenList(items=token_answers(call.services, call.services.tokens.list(call.actor, principal)))


@router.post("/tokens", status_code=201)
def create_token(body: TokenIn, call: Own) -> NewTokenOut:
    """Create a token. Its text is in this answer and nowhere else; a repeated call does not show it again."""
    tokens = call.services.tokens

    def make() -> tuple[AccessToken, str | None]:
        return tokens.issue(call.actor, **body.model_dump())

    return new_token_answer(call.services, *idempotent(make, lambda ident: (tokens.get(ident), None)))


@router.get("/tokens/{token}")
def get_token(token: str, call: Own) -> TokenOut:
    """One token, without its text."""
    (answer,) = token_answers(call.services, [call.services.tokens.managed(call.actor, token)])
    return answer


@router.delete("/tokens/{token}", status_code=204)
def revoke_token(token: str, call: Own) -> None:
    """Revoke a token: it is refused at once."""
    call.services.tokens.revoke(call.actor, token)


@router.post("/tokens/{token}/rotate", status_code=201)
def rotate_token(token: str, body: RotationIn, call: Own) -> NewTokenOut:
    """Create the next token in the place of this one, which stays valid for the overlap only."""
    tokens = call.services.tokens

    def make() -> tuple[AccessToken, str | None]:
        return tokens.rotate(call.actor, token, body.overlap)

    return new_token_answer(call.services, *idempotent(make, lambda ident: (tokens.get(ident), None)))


@router.get("/me")
def get_me(call: Annotated[Call, allow(Permission.TOKEN_SELF, agents=True)]) -> MeOut:
    """Who calls, what the caller may do with the product, and in which Applications the caller has a role."""
    actor = call.actor
    tokens = call.services.tokens.list(actor)
    return MeOut(
        id=actor.principal_id,
        kind=actor.kind,
        name=actor.name,
        product_role=actor.product_role,
        scopes=sorted(actor.scopes),
        permissions=list(call.services.principals.held(actor)),
        roles=dict(call.services.principals.roles(actor)),
        may_vote=actor.may_vote,
        tokens_made_by_others=sum(row.made_by is not None and row.revoked_at is None for row in tokens),
    )

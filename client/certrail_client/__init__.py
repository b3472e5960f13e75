"""The HTTP API of certrail: `Client` blocks, `AsyncClient` awaits, `certrail_client.api` holds the calls."""

from certrail_client.aio import AsyncClient
from certrail_client.calls import Call, PagedCall
from certrail_client.client import Client
from certrail_client.errors import (
    ApiError,
    BadInput,
    CertrailClientError,
    Conflict,
    Forbidden,
    InvalidAnswer,
    InvalidReference,
    NotFound,
    Problem,
    ServerError,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    Unprocessable,
    Unreachable,
    WaitTimeout,
)
from certrail_client.retries import RetryPolicy

__all__ = [
    "ApiError",
    "AsyncClient",
    "BadInput",
    "Call",
    "CertrailClientError",
    "Client",
    "Conflict",
    "Forbidden",
    "InvalidAnswer",
    "InvalidReference",
    "NotFound",
    "PagedCall",
    "Problem",
    "RetryPolicy",
    "ServerError",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "Unprocessable",
    "Unreachable",
    "WaitTimeout",
]

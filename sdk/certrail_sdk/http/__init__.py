"""Posting to a URL that a user gave, without going where it must not: the extra ``certrail-sdk[http]``."""

from certrail_sdk.http.addresses import AddressRefused, is_public, resolve, resolve_public
from certrail_sdk.http.post import Answer, Target, deliver

__all__ = ["AddressRefused", "Answer", "Target", "deliver", "is_public", "resolve", "resolve_public"]

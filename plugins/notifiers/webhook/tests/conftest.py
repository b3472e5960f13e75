"""Receivers, one for each test."""

from collections.abc import AsyncIterator

import pytest

from certrail_fakes.receiver import WebhookReceiver


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as running:
        yield running


@pytest.fixture
async def tls_receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver(tls=True, names=("receiver.test",)) as running:
        yield running

"""Waiting for Temporal, which tells of some things only when asked."""

import asyncio
from typing import Any

from temporalio.client import WorkflowHandle


async def planned(handle: WorkflowHandle[Any, Any], attempt: int) -> None:
    """Wait until Temporal has planned this try of an activity, asking: no server tells of it by itself."""
    async with asyncio.timeout(60):
        while True:
            description = (await handle.describe()).raw_description
            if any(activity.attempt == attempt for activity in description.pending_activities):
                return
            await asyncio.sleep(0.02)

"""Files by which a process says that it works; whoever started it looks for them."""

import json
import os
from pathlib import Path
from typing import Any

SERVER_MARK, WORKER_MARK = "server.json", "worker.json"


def mark(path: Path, **facts: Any) -> None:
    """Say that this process works."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({"pid": os.getpid(), **facts}))
    temporary.replace(path)

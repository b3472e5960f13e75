"""Secrets that a container platform mounts as files, such as Docker's and Kubernetes' secrets."""

import os
import stat
from collections.abc import Collection
from typing import Any

LARGEST = 65_536
"""Bytes. A longer file is another file than the one that was meant."""


class SecretFileError(ValueError):
    """A file that holds no usable secret; the message names the file, never its content."""


def read_secret(path: str) -> str:
    """The text of a file without line ends at its end.

    Its mode is not checked: Docker mounts secrets with mode 0444, and who else is in the container is the platform's
    choice.

    Raises:
        SecretFileError: it cannot be read, or is empty, too large, not UTF-8 or no regular file.
    """
    try:
        # Without O_NONBLOCK a pipe that nobody writes to would hold the start for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise SecretFileError(f"{path} is no regular file")
            content = os.read(handle, LARGEST + 1)
        finally:
            os.close(handle)
    except OSError as problem:
        raise SecretFileError(f"{path} cannot be read: {problem.strerror}") from None
    if len(content) > LARGEST:
        raise SecretFileError(f"{path} is larger than {LARGEST} bytes")
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise SecretFileError(f"{path} is not UTF-8 text") from None
    if not text:
        raise SecretFileError(f"{path} is empty")
    return text


def with_files_read(values: dict[str, Any], secrets: Collection[str]) -> dict[str, Any]:
    """The values of settings, each secret filled from the file that ``<name>_file`` names.

    Raises:
        SecretFileError: a secret is given as a value and as a file, or a file cannot be used.
    """
    filled = dict(values)
    for name in secrets:
        file = values.get(f"{name}_file")
        if file is None:
            continue
        variable = f"CERTRAIL_{name.upper()}"
        if values.get(name) is not None:
            raise SecretFileError(f"give {variable} or {variable}_FILE, not both")
        try:
            filled[name] = read_secret(os.fspath(file))
        except SecretFileError as problem:
            raise SecretFileError(f"{variable}_FILE: {problem}") from None
    return filled

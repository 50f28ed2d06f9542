"""Secrets: where they come from, and that they go nowhere else."""

import os
import re
import stat
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from imagery.errors import ProviderError

MAX_FILE_BYTES = 65_536


class Secret:
    """A string that shows itself only when asked to; it can not be pickled, so no result or message carries it."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        """Hides a value."""
        self.__value = value

    def reveal(self) -> str:
        """The value; hand it to the service it is for and to nothing else."""
        return self.__value

    def __repr__(self) -> str:
        """Three stars."""
        return "***"

    def __str__(self) -> str:
        """Three stars."""
        return "***"

    def __format__(self, spec: str) -> str:
        """Three stars, however they are wanted."""
        return "***"

    def __bool__(self) -> bool:
        """Whether it is not empty."""
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        """Whether another secret hides the same."""
        return isinstance(other, Secret) and other.reveal() == self.__value

    def __hash__(self) -> int:
        """For sets and keys; says nothing about the value."""
        return hash((Secret, self.__value))

    def __reduce__(self) -> NoReturn:
        """Refuses to be pickled or copied."""
        raise TypeError("A secret is not written anywhere.")


def credentials(name: str, fields: Sequence[str], folder: Path) -> Mapping[str, Secret]:
    """What a provider needs to be let in: from the environment, else from a file that only its owner can read.

    Args:
        name: of the provider, as the user calls it: letters, digits, ``-`` and ``_``.
        fields: what is wanted; field ``client_id`` of provider ``cdse`` is ``WEIXUN_CDSE_CLIENT_ID`` in the
            environment and ``client_id`` in ``cdse.toml``.
        folder: where ``<name>.toml`` would be.

    Raises:
        ProviderError: if a field is nowhere, or the file is not TOML or can be read by others.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise ProviderError(f"{name!r} is no name of a provider: letters, digits, - and _ are.")
    known = {field: os.environ.get(variable(name, field), "") for field in fields}
    file = folder / f"{name}.toml"
    if not all(known.values()) and file.exists():
        written = _read(file)
        known = {field: value or written.get(field, "") for field, value in known.items()}
    absent = [field for field, value in known.items() if not value]
    if absent:
        names = " and ".join(variable(name, field) for field in absent)
        raise ProviderError(
            f"No credentials for {name}: set {names} in the environment, "
            f"or write {' and '.join(absent)} into {file} and run: chmod 600 {file}"
        )
    return {field: Secret(value) for field, value in known.items()}


def variable(name: str, field: str) -> str:
    """The environment variable of a provider's field."""
    return re.sub(r"[^A-Z0-9]", "_", f"WEIXUN_{name}_{field}".upper())


def _read(file: Path) -> dict[str, str]:
    try:
        with file.open("rb") as stream:
            state = os.fstat(stream.fileno())
            if os.name == "posix" and (state.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or state.st_uid != os.getuid()):
                raise ProviderError(
                    f"{file} holds credentials and others can read or own it; run: "
                    f"chown $(id -u) {file} && chmod 600 {file}"
                )
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ProviderError(f"{file} can not be read ({error.strerror}).") from error
    broken = len(content) > MAX_FILE_BYTES
    values: dict[str, object] = {}
    try:
        values = {} if broken else tomllib.loads(content.decode())
    except ValueError:
        broken = True
    if broken:  # raised here: the parser's own error may quote the line
        raise ProviderError(f'{file} is not TOML; it should hold lines like: client_id = "…"')
    return {name: value for name, value in values.items() if isinstance(value, str)}

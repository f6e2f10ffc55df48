"""The operator's settings: each an environment variable, its default and a description.

A setting is read when it is needed. `SETTINGS` is the table; the README shows it, and a test
compares the two.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from inspector.errors import InspectorError

_UNITS = {"": 1, "B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}


@dataclass(frozen=True)
class Setting:
    """One setting; called, it gives its value.

    Attributes:
        name: The environment variable.
        default: Used where the variable is unset or empty; in words where it is computed.
        what: Description for the operator.
    """

    name: str
    default: str
    what: str

    @property
    def text(self) -> str:
        """The value of the environment variable; empty where it is unset."""
        return os.environ.get(self.name, "").strip()

    def wrong(self, example: str) -> InspectorError:
        """The error for an invalid value."""
        return InspectorError(self.name, self.text[:60], f"cannot be read; write e.g. {example}")

    def check(self) -> None:
        """Raises: InspectorError for an invalid value."""


class Size(Setting):
    """Bytes, with a unit or without: ``500 MiB``."""

    def __call__(self) -> int:
        """The number of bytes. Raises: InspectorError."""
        match = re.fullmatch(r"(\d{1,15})\s*([KMGT]?i?B)?", self.text or self.default, re.I)
        unit = (match[2] or "").upper() if match else "?"
        if match is None or unit not in _UNITS:
            raise self.wrong(self.default)
        return int(match[1]) * _UNITS[unit]

    def check(self) -> None:
        """Raises: InspectorError for an invalid size."""
        self()


class Number(Setting):
    """A whole number above zero, of things or of seconds."""

    def __call__(self) -> int:
        """The number. Raises: InspectorError."""
        match = re.fullmatch(r"[\d,_]{1,15}", self.text or self.default)
        value = int(re.sub(r"\D", "", match[0]) or "0") if match else 0
        if value < 1:
            raise self.wrong(self.default)
        return value

    def check(self) -> None:
        """Raises: InspectorError for an invalid number."""
        self()


class Folders(Setting):
    """Folders separated by ``:``."""

    def __call__(self) -> list[Path]:
        """The folders; ``~`` is the home of the user that runs the server."""
        return [Path(part).expanduser() for part in self.text.split(os.pathsep) if part.strip()]


class Folder(Setting):
    """One folder."""

    def __call__(self) -> Path | None:
        """The folder, or None."""
        return Path(self.text).expanduser() if self.text else None


class File(Folder):
    """One file."""


class Switch(Setting):
    """On if it is set to 1, else off."""

    def __call__(self) -> bool:
        """Whether it is on."""
        return self.text == "1"


@dataclass(frozen=True)
class Choice(Setting):
    """One of a few words.

    Attributes:
        words: The allowed words.
    """

    words: tuple[str, ...] = ()

    def __call__(self) -> str:
        """The word. Raises: InspectorError."""
        word = self.text or self.default
        if word not in self.words:
            raise self.wrong(" or ".join(self.words))
        return word

    def check(self) -> None:
        """Raises: InspectorError for any other word."""
        self()


class Words(Setting):
    """Words separated by blanks."""

    def __call__(self) -> list[str]:
        """The words."""
        return self.text.split()


class Address(Setting):
    """The address of a Dask scheduler: ``tcp://host:port``, ``tls://host:port``."""

    def __call__(self) -> str:
        """The address; empty where none is set. Raises: InspectorError."""
        if self.text and not re.fullmatch(r"(tcp|tls|ws|wss|ucx)://[^\s/]+:\d{1,5}", self.text):
            raise self.wrong("tcp://10.0.0.5:8786")
        return self.text

    def check(self) -> None:
        """Raises: InspectorError for what is no address."""
        self()


WORKSPACE = Folder(
    "INSPECTOR_WORKSPACE",
    "the user's cache folder",
    "the one folder that is written to: models by content, results",
)
WORKSPACE_SIZE = Size(
    "INSPECTOR_WORKSPACE_SIZE",
    "20 GiB",
    "what the workspace may hold; past it, what was used longest ago goes first",
)
ROOTS = Folders(
    "INSPECTOR_ROOTS",
    "where the app was started",
    "folders (split by `:`) below which the browser may list and open paths of the server",
)
URLS = Words(
    "INSPECTOR_URLS",
    "none",
    "beginnings of URLs (split by blanks), e.g. `https://models.example.org/`, that the browser "
    "may have fetched by the server",
)
PUBLIC_URLS = Words(
    "INSPECTOR_PUBLIC_URLS",
    "none",
    "URLs (split by blanks), e.g. `https://inspector.example.org`, under which browsers reach the "
    "app through a reverse proxy or another name",
)
SIGN_IN = File(
    "INSPECTOR_SIGN_IN",
    "none",
    "a TOML file that names an OpenID Connect provider; with it only who is signed in sees the app "
    "([docs/serving.md](docs/serving.md))",
)
UPLOAD_SIZE = Size(
    "INSPECTOR_UPLOAD_SIZE", "500 MiB", "the largest model that the browser may send"
)
FETCH_SIZE = Size("INSPECTOR_FETCH_SIZE", "4 GiB", "what a model behind a URL may take")
FETCH_TIME = Number("INSPECTOR_FETCH_TIME", "300", "seconds after which fetching a URL is given up")
UNPACK_SIZE = Size("INSPECTOR_UNPACK_SIZE", "4 GiB", "what an archive may unpack to")
UNPACK_RATIO = Number(
    "INSPECTOR_UNPACK_RATIO",
    "200",
    "how many times its own size an archive may unpack to; 64 MiB are allowed in any case",
)
FILES = Number("INSPECTOR_FILES", "10,000", "files and folders that one model may consist of")
NODES = Number(
    "INSPECTOR_NODES",
    "1,000,000",
    "nodes of one graph, those of its functions included",
)
TEXT_SIZE = Size(
    "INSPECTOR_TEXT_SIZE",
    "64 MiB",
    "the largest model in text form (`.pbtxt`) that is read; 64 MiB take half a minute",
)
KERAS_CODE = Switch(
    "INSPECTOR_ALLOW_KERAS_CODE",
    "off",
    "set to 1, Python code that Keras files carry or name (`Lambda` layers) is run to build them",
)
DEBUG = Switch(
    "INSPECTOR_DEBUG",
    "off",
    "set to 1, the command line shows where an error nobody foresaw came from: its traceback, and "
    "what a worker wrote before it failed, with control characters escaped",
)
SCHEDULER = Address(
    "INSPECTOR_SCHEDULER",
    "none",
    "a Dask scheduler, e.g. `tcp://10.0.0.5:8786`, whose workers run the models "
    "([docs/cluster.md](docs/cluster.md))",
)
SHARED_STORE = Setting(
    "INSPECTOR_SHARED_STORE",
    "`cluster` in the workspace",
    "a folder that all machines of the cluster share, or an object store such as "
    "`s3://bucket/inspector`",
)
RUN_MODELS = Choice(
    "INSPECTOR_RUN_MODELS",
    "auto",
    "which models are run: `always` any, `samples` those on the Open page, `never` none; "
    "`auto` is `always`, but `samples` on a server that other machines can reach where a part of "
    "the sandbox is missing",
    ("auto", "always", "samples", "never"),
)

SETTINGS: tuple[Setting, ...] = (
    WORKSPACE,
    WORKSPACE_SIZE,
    ROOTS,
    URLS,
    PUBLIC_URLS,
    SIGN_IN,
    UPLOAD_SIZE,
    FETCH_SIZE,
    FETCH_TIME,
    UNPACK_SIZE,
    UNPACK_RATIO,
    FILES,
    NODES,
    TEXT_SIZE,
    KERAS_CODE,
    DEBUG,
    RUN_MODELS,
    SCHEDULER,
    SHARED_STORE,
)


def check() -> None:
    """Read every setting. Raises: InspectorError for the first invalid one."""
    for setting in SETTINGS:
        setting.check()

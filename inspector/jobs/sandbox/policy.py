"""Whether a model may be run: what the sandbox lacks, who can reach the server, the setting."""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading

from inspector import settings
from inspector.errors import RunRefused
from inspector.jobs.requests import Request
from inspector.jobs.sandbox import enter
from inspector.jobs.store.workspace import ModelKey

NOTICES = logging.getLogger("inspector.notices")
"""What whoever starts a run should read once; the command line shows it on standard error."""

_OPERATOR = f"the operator may allow more with {settings.RUN_MODELS.name}=always"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    try:
        addresses = {str(info[4][0]) for info in socket.getaddrinfo(host or "0.0.0.0", None)}
        return all(ipaddress.ip_address(a.partition("%")[0]).is_loopback for a in addresses)
    except (OSError, ValueError):
        return False


class RunPolicy:
    """Decides for one runner. Thread-safe.

    Args:
        exposed: Other machines can ask this runner for jobs.
    """

    def __init__(self, *, exposed: bool = False) -> None:
        self.exposed = exposed
        self._samples: set[str] = set()
        self._lock = threading.Lock()
        self._logged = False

    def allow_sample(self, model: ModelKey) -> None:
        """Note that a model is one of the samples that come with Inspector."""
        with self._lock:
            self._samples.add(model.hash)

    def allow_derived(self, model: ModelKey, source: ModelKey) -> None:
        """Treat a model like the one that it was made from."""
        with self._lock:
            if source.hash in self._samples:
                self._samples.add(model.hash)

    def mode(self) -> str:
        """What is run: ``always`` (any model), ``samples`` or ``never``.

        Raises: InspectorError for a setting that cannot be read.
        """
        chosen = settings.RUN_MODELS()
        if chosen != "auto":
            return chosen
        return "samples" if self.exposed and enter.parts().missing() else "always"

    def notice(self) -> str | None:
        """One line on what is missing here and what follows from it; None where all is there."""
        lacks = enter.parts().missing()
        if not lacks:
            return None
        follows = {
            "always": "run models only from people you trust",
            "samples": f"only the samples are run; {_OPERATOR}",
            "never": "no model is run",
        }[self.mode()]
        return f"{'; '.join(lacks)}: {follows}"

    def check(self, request: Request, model: ModelKey | None) -> None:
        """See that a job may be started.

        Args:
            model: The model in the workspace that it is for.
        Raises: RunRefused.
        """
        if not request.runs:
            return
        mode = self.mode()
        with self._lock:
            sample = model is not None and model.hash in self._samples
            first, self._logged = not self._logged, True
        if mode == "never" or (mode == "samples" and not sample):
            lacks = enter.parts().missing() if settings.RUN_MODELS() == "auto" else []
            what = "no model" if mode == "never" else "only the samples"
            why = f"{what} may be run here; {_OPERATOR}"
            raise RunRefused(request.kind, "sandbox", ". ".join([*lacks, why]))
        if first and (line := self.notice()) is not None:
            NOTICES.warning("%s", line)

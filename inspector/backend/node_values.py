"""Values of the nodes of a graph on one set of feeds, in one session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType

from inspector.backend.loading import LoadedModel
from inspector.backend.predict import Run
from inspector.graph.graph import tensor_name
from inspector.graph.tensors import Array
from inspector.model.model import Model


class GraphValues:
    """A loaded graph. Names are of nodes, for their first output, or of tensors.

    Args:
        model: A frozen graph.
        feeds: By tensor name.
    """

    def __init__(self, model: Model, feeds: Mapping[str, Array]) -> None:
        self._feeds = {tensor_name(name): value for name, value in feeds.items()}
        self._loaded = LoadedModel(model)

    def __enter__(self) -> GraphValues:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loaded.close()

    def sizes(self, names: Sequence[str]) -> dict[str, int]:
        """Bytes by name. Raises: RunError."""
        fed = {name: array.nbytes for name in names if (array := self._fed(name)) is not None}
        run = self._run([name for name in names if name not in fed])
        sizes = {} if run is None else run.sizes()
        return fed | {name: sizes[tensor_name(name)] for name in names if name not in fed}

    def values(self, names: Sequence[str]) -> dict[str, Array]:
        """Values by name. Raises: RunError."""
        fed = {name: array for name in names if (array := self._fed(name)) is not None}
        run = self._run([name for name in names if name not in fed])
        values = {} if run is None else run.once()[0]
        return fed | {name: values[tensor_name(name)] for name in names if name not in fed}

    def _fed(self, name: str) -> Array | None:
        return self._feeds.get(tensor_name(name))

    def _run(self, names: Sequence[str]) -> Run | None:
        return Run(self._loaded, self._feeds, list(map(tensor_name, names))) if names else None

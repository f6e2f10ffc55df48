"""Values of the operators of a TFLite model on one set of feeds."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from inspector import formats
from inspector.backend.litert.lite import LiteRun
from inspector.backend.litert.lite_alone import LiteAlone, output_of
from inspector.formats.tflite import file_edits
from inspector.formats.tflite.lite_model import LiteModel
from inspector.graph.tensors import Array


class LiteValues:
    """A TFLite model; names are those of its nodes, for their first output.

    LiteRT reuses the memory of a tensor as soon as nothing needs it. The values that are asked for
    become the outputs of a copy of the file, so that it holds no others, and runs the same kernels.

    Args:
        feeds: As `LiteRun` takes them.
        folder: For the copies.
    Raises: RunError; CorruptModel for what only an edit of the file reads.
    """

    def __init__(self, model: LiteModel, feeds: Mapping[str, Array], folder: Path) -> None:
        assert model.path is not None
        self._model, self._folder = model, folder
        self._file, self._data = model.lite.file, model.path.read_bytes()
        self._run = LiteRun(model, feeds, signature=model.key())
        self._run.once()
        self._sizes = self._run.sizes()

    def __enter__(self) -> LiteValues:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing: the interpreter ends with this object."""

    def sizes(self, names: Sequence[str]) -> dict[str, int]:
        """Bytes by name, of those that are tensors of the subgraph that runs."""
        numbers = self._numbers(names)
        # Compared as real numbers of 8 bytes where they are whole numbers with a scale.
        return {name: 8 * self._sizes.get(number, 0) for name, number in numbers.items()}

    def values(self, names: Sequence[str]) -> dict[str, Array]:
        """Values by name, as real numbers. Raises: RunError."""
        numbers = self._numbers(names)
        if not numbers:
            return {}
        outputs = list(dict.fromkeys(numbers.values()))
        with self._file.reading():
            data = file_edits.with_outputs(self._data, self._run.subgraph, outputs)
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".tflite") as file:
            file.write(data)
            file.flush()
            feeds = {str(index): value for index, value in self._run.fed.items()}
            run = LiteRun(formats.open_model(Path(file.name)), feeds)
            answers = run.real(run.once()[0])
        return {name: answers[str(number)] for name, number in numbers.items()}

    def alone(self) -> LiteAlone:
        """The same nodes, each to be run alone. Raises: CorruptModel."""
        return LiteAlone(self._model, self._data, self._run)

    def _numbers(self, names: Sequence[str]) -> dict[str, int]:
        numbers = {name: output_of(self._model, self._run.subgraph, name) for name in names}
        return {name: number for name, number in numbers.items() if number is not None}

"""Predictions for the library and the command line: one run of a model, in a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from inspector.graph.tensors import Array
from inspector.jobs import packing
from inspector.jobs.client.ask import Terms, ask
from inspector.jobs.client.sources import source_of
from inspector.jobs.request_types import RunAnswer, RunArgs
from inspector.model.model import Model, Runtime
from inspector.printing import outputs_text
from inspector.printing.text_tables import html
from inspector.schemas import stamped
from inspector.text import shape, shorten, some


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """The answers of one run; times in milliseconds.

    Attributes:
        outputs: Output key, or the name that was fetched, to array; text as arrays of bytes.
        run_ms: The run alone. `load_ms` is reading the model, `first_ms` the first run, in which
            TensorFlow also prepares the graph.
        signature: The key of the signature that named feeds and fetches, if one did.
    """

    outputs: dict[str, Array]
    run_ms: float
    first_ms: float
    load_ms: float
    signature: str | None = None

    def __repr__(self) -> str:
        outputs = [
            f"{shorten(key, 40)} {value.dtype} {shape(value.shape, 4)}"
            for key, value in self.outputs.items()
        ]
        return f"<Prediction: {some(outputs)}; {self.run_ms:.3g} ms>"

    def _repr_html_(self) -> str:
        return html(f"{outputs_text.as_text(self.outputs, {})}\nin {self.run_ms:.3g} ms")

    def __getitem__(self, key: str) -> Array:
        return self.outputs[key]

    def to_dict(self, top: Mapping[str, list[str]] | None = None) -> dict[str, Any]:
        """The JSON of ``inspector predict``.

        Args:
            top: What `top_classes` gives; by default none.
        """
        return stamped(
            {
                "outputs": outputs_text.as_json(self.outputs),
                "top_1": dict(top or {}),
                "run_ms": self.run_ms,
                "signature": self.signature,
            }
        )


def predict(
    model: Model,
    feeds: Mapping[str, Any],
    fetches: Sequence[str] | None = None,
    signature: str | None = None,
    init_op: str | None = None,
    terms: Terms | None = None,
) -> Prediction:
    """Run a model once. Raises: UnknownNode, RunError, ModelError, JobError."""
    blobs = {"feeds": packing.pack(feeds)}
    with source_of(model) as (source, model_blobs):
        args: RunArgs = {
            **source,
            "fetches": None if fetches is None else list(fetches),
            "signature": signature,
            "init_op": init_op,
        }
        kind = "run_lite" if model.runs_with is Runtime.LITERT else "run"
        answer = ask(kind, args, blobs={**blobs, **model_blobs}, terms=terms)
    outputs = packing.unpack(answer.blobs["outputs"])
    return Prediction(outputs, **cast("RunAnswer", answer.value))

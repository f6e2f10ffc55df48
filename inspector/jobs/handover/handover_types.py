"""The answer of the job `read`: a Model as JSON, its messages as blobs."""

# No postponed annotations: `typed_json` reads these at run time.
from typing import Any, NotRequired, TypedDict


class VariableJson(TypedDict):
    """A `checkpoint.Variable`."""

    name: str
    dtype: str
    shape: list[int | None] | None
    bytes: int


class AssetJson(TypedDict):
    """A `model.Asset`; ``path`` is None where the file is not beside the model."""

    name: str
    tensor: str
    path: str | None


class ReadAnswer(TypedDict):
    """A Model without its messages.

    Attributes:
        values: Whether the blob ``values`` holds those of a checkpoint.
        layers: Of a Keras file: its `Layers`.
    """

    kind: str
    format: str
    name: str
    tag_sets: list[list[str]]
    tag_set: list[str]
    producer: str
    variables: list[VariableJson]
    assets: list[AssetJson]
    files: list[list[str | int]]
    sizes: dict[str, int]
    init_op: str | None
    warnings: list[str]
    notes: list[str]
    no_values: str
    values: bool
    has_meta_graph: bool
    has_objects: bool
    layers: NotRequired[dict[str, Any]]

"""Which signatures of a model a result keeps, and why others are left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from inspector.graph.graph import Graph, node_name, tensor_name
from inspector.graph.op_sets import REQUIRED_PLACEHOLDERS
from inspector.graph.protos import SignatureDef
from inspector.model import signatures
from inspector.model.model import Model

NOT_CHOSEN = "--all-signatures (all_signatures=True in Python) keeps all"
NOT_ALLOWED = "a signature is kept only if all of its outputs are chosen"

TOO_MANY = "only the likeliest are kept at once; name those to keep with --signature"

MOST_KEPT = 100
"""Signatures that are kept where all are: each is cut, checked and written by itself."""
_SHOWN = 8


@dataclass(frozen=True)
class SignatureChoice:
    """The signatures that a result keeps.

    Attributes:
        keys: Their keys, the main one first; it names the outputs where they are chosen one by one.
            Empty for a model without signatures.
        left_out: The other keys of signatures for users, each with the reason as a clause.
    """

    keys: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)

    def without(self, reasons: Mapping[str, str]) -> SignatureChoice:
        """The choice with some keys left out."""
        keys = tuple(key for key in self.keys if key not in reasons)
        return SignatureChoice(keys, {**self.left_out, **reasons})

    def settled(self, keys: Collection[str]) -> SignatureChoice:
        """The choice by the keys that the result has: the main one may have got another."""
        left_out = {key: why for key, why in self.left_out.items() if key not in keys}
        left_out |= {key: NOT_ALLOWED for key in self.keys if key not in keys}
        return SignatureChoice(self.keys, left_out)

    def sentences(self) -> list[str]:
        """What is left out, one sentence per reason."""
        by_reason: dict[str, list[str]] = {}
        for key, why in self.left_out.items():
            by_reason.setdefault(why, []).append(f"'{key}'")
        return [f"Left out {_list(keys, 'signature')}: {why}." for why, keys in by_reason.items()]


def choose(
    model: Model,
    requested: str | Sequence[str] | None,
    outputs: Iterable[str] | None,
    *,
    every: bool = False,
) -> SignatureChoice:
    """The signatures to keep.

    Args:
        requested: One key or several; None for the one that the user chose, else the likeliest.
        outputs: The outputs that are kept, by node or tensor name; None for those of the
            signatures. A signature besides the main one is kept if all of its outputs are.
        every: Keep all signatures that the outputs allow, at most `MOST_KEPT` besides the requested
            ones, which come first.
    Raises: UnknownSignature.
    """
    by_key = model.signatures
    names = [requested] if isinstance(requested, str) else list(requested or ())
    keys = [key for name in names if (key := model.key(name)) is not None]
    if not keys:
        keys = [key for key in [model.key()] if key is not None]
    if every:
        keys += signatures.ranked(by_key)
    keys = list(dict.fromkeys(keys))
    tensors = None if outputs is None else set(map(tensor_name, outputs))
    allowed = {
        key
        for key in by_key
        if tensors is None or tensors.issuperset(signatures.output_tensors(by_key[key]))
    }
    if every and not names and keys and keys[0] not in allowed:
        # The outputs may be those of other signatures: then the best of these is the main one.
        keys = [key for key in keys if key in allowed] or keys
    chosen = [key for number, key in enumerate(keys) if number == 0 or key in allowed]
    chosen = chosen[: MOST_KEPT + len(names)]
    reasons = {
        key: NOT_ALLOWED if key not in allowed else TOO_MANY if key in keys else NOT_CHOSEN
        for key in signatures.serving_keys(by_key)
        if key not in chosen
    }
    return SignatureChoice(tuple(chosen), reasons)


def unmet(graph: Graph, by_key: Mapping[str, SignatureDef], before: Graph) -> list[str]:
    """Keys of signatures that need a feed which they do not name, and did not in the graph before.

    Args:
        graph: The graph after it was cut at the inputs of some signatures.
    """
    return [
        key
        for key, signature in by_key.items()
        if _placeholders(graph, signature) - _placeholders(before, signature)
    ]


def _placeholders(graph: Graph, signature: SignatureDef) -> set[str]:
    """The placeholders that a signature needs and does not feed."""
    fed = {node_name(name) for name in signatures.tensors_by_key(signature.inputs).values()}
    outputs = map(node_name, signatures.output_tensors(signature))
    needed = graph.ancestors(outputs, fed) - fed
    return {n.name for n in graph if n.op in REQUIRED_PLACEHOLDERS and n.name in needed}


def _list(names: Sequence[str], noun: str) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    plural = "" if len(names) == 1 else "s"
    return f"the {noun}{plural} {', '.join(names[:_SHOWN])}{more}"

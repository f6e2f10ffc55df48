"""What an optimisation gives: the new model, and the record of what made it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from inspector.model.model import Model
from inspector.model.signature_choice import SignatureChoice
from inspector.model.signatures import output_tensors
from inspector.optimisation.optimise_options import OptimiseOptions
from inspector.passes.records import Step, not_checked
from inspector.printing import listing
from inspector.printing.text_tables import html
from inspector.schemas import stamped
from inspector.text import count, plain, rounded_size, shorten


@dataclass(frozen=True, eq=False, repr=False)
class Optimised:
    """A new model and the record of what made it.

    Attributes:
        model: The new model. Its signature has the key of the one whose outputs it has, and
            ``serving_default`` too where the model had none; for other outputs it is
            ``serving_default`` alone. Further signatures have their own keys.
        steps: One record per transform, in order.
        frozen: The model that the transforms started from.
        options: The request, with the inputs, outputs and transforms that the defaults stood for.
        feeds_summary: What the checked graphs were fed with; empty where nothing was run.
        choice: The signatures of the model that are kept, and those that are left out.
    """

    model: Model
    steps: tuple[Step, ...]
    frozen: Model = field(repr=False)
    options: OptimiseOptions = field(default_factory=OptimiseOptions, repr=False)
    feeds_summary: str = ""
    choice: SignatureChoice = field(default_factory=SignatureChoice, repr=False)

    def __repr__(self) -> str:
        before, after = _figures(self.frozen), _figures(self.model)
        nodes = f"{before['nodes']:,} -> {after['nodes']:,} nodes"
        sizes = f"{rounded_size(before['bytes'])} -> {rounded_size(after['bytes'])}"
        steps = count(len(self.steps), "step")
        return f"<Optimised {shorten(self.model.name)}: {steps}, {nodes}, {sizes}>"

    def _repr_html_(self) -> str:
        rows = [step.to_dict() for step in self.steps]
        notes = "\n".join(map(plain, [*self.model.notes, *self.warnings]))
        return html(f"{listing.steps(rows, self.checked())}\n{notes}")

    @property
    def warnings(self) -> list[str]:
        """What the result lacks: signatures that were left out, one sentence per reason."""
        return self.choice.sentences()

    @property
    def inputs(self) -> tuple[str, ...]:
        """The feeds that the transforms kept, node or tensor names."""
        return self.options.inputs or ()

    @property
    def outputs(self) -> tuple[str, ...]:
        """The fetches that the transforms kept, node or tensor names."""
        return self.options.outputs or ()

    @property
    def transforms(self) -> str:
        """The transforms that were run, as one text."""
        return self.options.to_json()["transforms"] or ""

    def record(self) -> dict[str, Any]:
        """The JSON that ``--record`` writes; see docs/record.md."""
        options = self.options.to_json()
        return {
            **stamped({}),
            "model": self.model.name,
            "inputs": options["inputs"],
            "outputs": options["outputs"],
            "set": options["set"],
            "transforms": options["transforms"],
            "init_op": self.model.init_op,
            "signatures": {
                "kept": {k: output_tensors(item) for k, item in self.model.signatures.items()},
                "left_out": dict(self.choice.left_out),
            },
            "before": _figures(self.frozen),
            "after": _figures(self.model),
            "check": self.checked(),
            "steps": [step.to_dict() for step in self.steps],
        }

    def checked(self) -> dict[str, Any] | None:
        """How the steps were checked, and how many broke their promise; None without a check.

        ``not_checked`` has one sentence for each reason, with the steps that it holds for.
        """
        if self.options.check is None:
            return None
        statuses = [step.check.status for step in self.steps if step.check is not None]
        return {
            "feeds": self.feeds_summary,
            "on_violation": self.options.check.on_violation,
            "violated": statuses.count("violated"),
            "unchecked": statuses.count("unchecked"),
            "rolled_back": sum(step.rolled_back for step in self.steps),
            "not_checked": not_checked(self.steps),
        }


def _figures(model: Model) -> dict[str, int]:
    return {"nodes": len(model.graph), "bytes": model.graph.byte_size()}

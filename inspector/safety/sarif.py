"""A scan as SARIF 2.1.0, which code hosts and scanners' dashboards read.

Source: docs.oasis-open.org/sarif/sarif/v2.1.0.
"""

from __future__ import annotations

from importlib import metadata
from typing import Any
from urllib.parse import quote

from inspector.graph.op_safety import BLOCK, BY_ATTRIBUTE, CLASSES, UNKNOWN
from inspector.safety.scan import Finding, Place, Scan

VERSION = "2.1.0"
SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

_PACKAGE = "tf-graph-inspector"
_OTHER_RULES = {
    UNKNOWN.name: f"The op {UNKNOWN.why}.",
    BY_ATTRIBUTE: "An attribute of the op makes it reach beyond the model.",
    "layer": "The layer runs Python code when the model is built.",
    "operator": "The operator needs code that is not in the model.",
}


def of(scan: Scan, uri: str | None = None) -> dict[str, Any]:
    """The SARIF log of a scan: one result per finding.

    Args:
        uri: Where the model lies, relative to the root of the repository; by default its name.
    """
    kinds = sorted({finding.kind for finding in scan.findings})
    rules = [{"id": kind, "shortDescription": {"text": _rule(kind)}} for kind in kinds]
    driver = {"name": "inspector", "version": metadata.version(_PACKAGE), "rules": rules}
    artifact = {"uri": quote(uri if uri is not None else scan.model)}
    results = [_result(item, kinds.index(item.kind), artifact) for item in scan.findings]
    run = {"tool": {"driver": driver}, "results": results, "columnKind": "unicodeCodePoints"}
    return {"$schema": SCHEMA, "version": VERSION, "runs": [run]}


def _rule(kind: str) -> str:
    if kind in CLASSES:
        return f"The op {CLASSES[kind].why}."
    return _OTHER_RULES[kind]


def _result(finding: Finding, rule: int, artifact: dict[str, str]) -> dict[str, Any]:
    level = "note"
    if finding.severity == BLOCK:
        level = "error" if finding.reached_by else "warning"
    return {
        "ruleId": finding.kind,
        "ruleIndex": rule,
        "level": level,
        "message": {"text": sentence(finding)},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": artifact},
                "logicalLocations": [_logical(place) for place in finding.places],
            }
        ],
        "occurrenceCount": max(finding.count, 1),
        "properties": {"reachedBy": finding.reached_by, "attribute": finding.attribute},
    }


def sentence(finding: Finding) -> str:
    """A finding in words: what, why, how often, reached by what."""
    attribute = f" ({finding.attribute})" if finding.attribute else ""
    reached = ", ".join(finding.reached_by) or "nothing that can be asked for"
    count = f"{finding.count} place{'' if finding.count == 1 else 's'}"
    return f"{finding.what}{attribute} {finding.why}; {count}, reached by {reached}."


def _logical(place: Place) -> dict[str, str]:
    location = {"kind": "function" if place.function else "element"}
    if place.node:
        location["name"] = place.node
        location["fullyQualifiedName"] = "/".join(filter(None, (place.function, place.node)))
    return location

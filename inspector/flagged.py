"""Ops that reach beyond the model: files, network, code, the process itself.

A graph is a program. TensorFlow's "stateful" does not mean "unsafe", nor its absence "safe":
``ReadFile``, ``ImmutableConst`` and ``Abort`` are declared stateless. ``blocked`` ops are not run
for a model that may come from a stranger; ``warn`` ops are run and named.
"""

from __future__ import annotations

import fnmatch
import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from inspector import opdefs

BLOCK, WARN = "block", "warn"


@dataclass(frozen=True)
class Flag:
    """Why an op is flagged; ``severity`` is ``block`` or ``warn``."""

    why: str
    severity: str = BLOCK


_READS = Flag("reads any file of the server")
_WRITES = Flag("writes files on the server")
_CODE = Flag("runs code that is not in the model")
_NETWORK = Flag("talks to other processes or machines")
_HARDWARE = Flag("drives accelerators of a cluster")
_ENDS = Flag("ends the process")
_PRINTS = Flag("prints values to the server's log", WARN)
_CHECKS = Flag("stops the run when its condition does not hold", WARN)
_IMAGES = Flag("decodes images: a small one may grow to gigabytes", WARN)
_RANDOM = Flag("gives different values on every run", WARN)
_WAITS = Flag("may wait for ever for data that nobody sends", WARN)
_UNKNOWN = Flag("is no op of TensorFlow; it needs a library of its own")
_TABLE_FILE = Flag("fills a table from a file, which must be an asset of the model")
_CHECKPOINT = Flag("reads a checkpoint, which must be the model's own")

# Op names, ``*`` for any ending or beginning; the first line that fits counts.
_LINES: tuple[tuple[Flag, str], ...] = (
    (_TABLE_FILE, "InitializeTableFromTextFile InitializeTableFromTextFileV2"),
    (_CHECKPOINT, "Restore RestoreSlice RestoreV2"),
    (
        _WRITES,
        "WriteFile Save SaveSlices SaveV2 MergeV2Checkpoints SaveDataset* DatasetToTFRecord "
        "ExperimentalDatasetToTFRecord CacheDataset* DistributedSave DumpTensor "
        "CreateSummaryFileWriter Write*Summary CalibrationStatisticsSaver DebugIdentity* "
        "DebugNanCount DebugNumericSummary* Snapshot?* ListSnapshotChunksDataset",
    ),
    (
        _READS,
        "ReadFile MatchingFiles *MatchingFilesDataset WholeFileReader* TextLineReader* "
        "FixedLengthRecordReader* TFRecordReader* LMDBReader ReaderRead* TextLineDataset "
        "TFRecordDataset* FixedLengthRecordDataset* *CSVDataset* *LMDBDataset *SqlDataset "
        "RecordInput Skipgram FixedUnigramCandidateSampler GenerateVocabRemapping "
        "LoadAndRemapMatrix ImmutableConst LoadDataset",
    ),
    (_CODE, "PyFunc PyFuncStateless EagerPyFunc XlaCustomCall* CustomAggregator"),
    (
        _NETWORK,
        "Rpc* DataServiceDataset* RegisterDataset* CreateSummaryDbWriter RemoteCall "
        "Send Recv _Send _Recv _Host* Collective* Nccl* _Nccl* WorkerHeartbeat "
        "FileSystemSetConfiguration",
    ),
    (_HARDWARE, "*TPU* Xla?* _Xla* DTensor*"),
    (_ENDS, "Abort"),
    (_PRINTS, "Print PrintV2"),
    (_CHECKS, "Assert"),
    (_IMAGES, "DecodePng DecodeGif DecodeImage DecodeJpeg DecodeAndCropJpeg DecodeBmp DecodeWebP"),
    (
        _RANDOM,
        "RandomUniform RandomUniformInt RandomStandardNormal ParameterizedTruncatedNormal "
        "TruncatedNormal RandomShuffle RandomCrop RandomGamma RandomPoisson* Multinomial "
        "StatefulRandom* StatefulUniform* StatefulStandardNormal* StatefulTruncatedNormal "
        "*CandidateSampler",
    ),
    (
        _WAITS,
        "*Queue *QueueV2 QueueDequeue* QueueEnqueue* Barrier* Stage Unstage *MapStage *MapUnstage*",
    ),
)

# What every SavedModel carries to save and restore itself. It is on no fetch's way.
_TABLE_FILES = ("InitializeTableFromTextFile", "InitializeTableFromTextFileV2")
_CHECKPOINTS = ("Save", "SaveSlices", "SaveV2", "Restore", "RestoreSlice", "RestoreV2")
PLUMBING = frozenset((*_CHECKPOINTS, "MergeV2Checkpoints", *_TABLE_FILES))


@functools.lru_cache(maxsize=8192)
def flag(op: str) -> Flag | None:
    """The flag of an op, or None. A name in no op list is flagged: nobody knows what it does."""
    for found, patterns in _LINES:
        if any(fnmatch.fnmatchcase(op, pattern) for pattern in patterns.split()):
            return found
    return None if op in opdefs.known_ops() else _UNKNOWN


def is_blocked(op: str) -> bool:
    """True for an op that is not run for a model that may come from a stranger."""
    found = flag(op)
    return found is not None and found.severity == BLOCK


def advice(row: Mapping[str, Any]) -> str:
    """A row of `flagged` as a sentence: what it is, why it matters, what to do."""
    count = f"{row['count']} node{'' if row['count'] == 1 else 's'}"
    said = f"{row['op']} ({count}) {row['why']}."
    if row.get("severity") == WARN:
        return said
    return said + (
        " Looking is safe, but what needs it is not run here: choose outputs that do without, or "
        "run the model elsewhere if you trust where it comes from."
    )


def flagged(
    op_counts: Mapping[str, int], functions: Collection[str] = (), *, plumbing: bool = False
) -> list[dict[str, Any]]:
    """The flagged ops among these, the blocked ones first.

    Args:
        op_counts: Op to number of nodes, of the graph and its functions.
        functions: Names of library functions, which are ops of the model's own.
        plumbing: Also those that every SavedModel carries to save and restore itself.
    Returns: ``op``, ``count``, ``why`` and ``severity`` of each.
    """
    rows = []
    for op, count in sorted(op_counts.items()):
        found = None if op in functions or (op in PLUMBING and not plumbing) else flag(op)
        if found is not None:
            rows.append({"op": op, "count": count, "why": found.why, "severity": found.severity})
    return sorted(rows, key=lambda row: row["severity"] != BLOCK)

"""Every op that design and experience name is flagged; ordinary ops are not."""

from __future__ import annotations

import pytest

from inspector import opdefs
from inspector.flagged import flag, flagged, is_blocked

BLOCKED = """
ReadFile MatchingFiles WholeFileReaderV2 TextLineReader FixedLengthRecordReaderV2 TFRecordReader
LMDBReader ReaderReadV2 ReaderReadUpTo TextLineDataset TFRecordDatasetV2 FixedLengthRecordDataset
CSVDatasetV2 ExperimentalCSVDataset LMDBDataset ExperimentalLMDBDataset SqlDataset
MatchingFilesDataset RecordInput Skipgram FixedUnigramCandidateSampler GenerateVocabRemapping
LoadAndRemapMatrix ImmutableConst LoadDataset ListSnapshotChunksDataset SnapshotDataset
SnapshotDatasetV2 SnapshotDatasetReader InitializeTableFromTextFileV2 RestoreV2 Restore WriteFile
SaveV2 SaveSlices MergeV2Checkpoints SaveDatasetV2 DatasetToTFRecord CacheDataset CacheDatasetV2
DistributedSave DumpTensor CreateSummaryFileWriter WriteScalarSummary WriteSummary
CalibrationStatisticsSaver DebugIdentity DebugIdentityV3 DebugNanCount DebugNumericSummaryV2
PyFunc PyFuncStateless EagerPyFunc RpcClient RpcServer RpcCall DataServiceDatasetV4
RegisterDatasetV2 CreateSummaryDbWriter RemoteCall _Send _Recv Send Recv _HostSend
CollectiveReduceV3 ConfigureDistributedTPU TPUExecute XlaCustomCallV2 XlaLaunch Abort
FileSystemSetConfiguration TRTEngineOp MyOwnOp
"""
WARNED = """
Print PrintV2 Assert DecodePng DecodeGif DecodeImage RandomUniform FIFOQueueV2 BarrierTakeMany
"""
PLAIN = """
Const Placeholder Identity MatMul Conv2D Snapshot Softmax VariableV2 VarHandleOp ReadVariableOp
HashTableV2 LookupTableFindV2 LookupTableImportV2 StatelessRandomUniform PartitionedCall
StatefulPartitionedCall While If Switch Merge MergeSummary ShardedFilename ParseExample DecodeRaw
DecodeCSV StringSplit TensorListStack Stack IdentityN DebugGradientIdentity QuantizeV2
FusedBatchNormV3 InitializeTableV2 StridedSlice
"""


@pytest.mark.parametrize("op", BLOCKED.split())
def test_blocked(op):
    assert is_blocked(op)


@pytest.mark.parametrize("op", WARNED.split())
def test_warned(op):
    assert not is_blocked(op)
    assert flag(op).severity == "warn"


@pytest.mark.parametrize("op", PLAIN.split())
def test_plain(op):
    assert flag(op) is None


def test_most_ops_are_not_blocked():
    blocked = [op for op in opdefs.known_ops() if is_blocked(op)]
    assert 200 < len(blocked) < 0.3 * len(opdefs.known_ops())


def test_rows_name_op_count_and_reason_the_blocked_first():
    counts = {"Const": 3, "Assert": 1, "ReadFile": 2, "SaveV2": 1, "my_function": 1, "Other": 1}
    rows = flagged(counts, {"my_function"})
    assert [(row["op"], row["count"]) for row in rows] == [
        ("Other", 1),
        ("ReadFile", 2),
        ("Assert", 1),
    ]
    assert rows[1] == {
        "op": "ReadFile",
        "count": 2,
        "why": "reads any file of the server",
        "severity": "block",
    }
    assert any(row["op"] == "SaveV2" for row in flagged(counts, plumbing=True))

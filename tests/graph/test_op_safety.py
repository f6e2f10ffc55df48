"""Every op that design and experience name is flagged; ordinary ops are not."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys

import pytest

import inspector
from inspector.graph import op_safety, opdefs, tensors
from inspector.graph.op_safety import (
    CLASSES,
    FOLD,
    flagged,
    is_refused,
    op_ruling,
    ruling,
    sections,
)
from inspector.graph.protos import AttrValue
from tests.attack_models import const, function, node, of
from tests.conftest import ROOT

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
    assert is_refused(op)


@pytest.mark.parametrize("op", WARNED.split())
def test_warned(op):
    assert not is_refused(op)
    assert op_ruling(op).severity == "warn"


@pytest.mark.parametrize("op", PLAIN.split())
def test_plain(op):
    assert not op_ruling(op).severity


def test_every_op_has_exactly_one_decision():
    listed = [op for name in CLASSES for op in sections()[name]]
    assert sorted(listed) == sorted(opdefs.known_ops())
    assert set(sections()) == {*CLASSES, "harmless attributes"}
    for name, words in sections().items():
        assert list(words) == sorted(words), f"[{name}] is not sorted"


def test_what_may_be_computed_ahead_is_declared_stateless():
    for op in opdefs.known_ops():
        if op_ruling(op).verdict == FOLD:
            declared = opdefs.get(op)
            assert not declared.is_stateful, op
            args = [*declared.input_arg, *declared.output_arg]
            assert not any(arg.is_ref or arg.type == tensors.RESOURCE for arg in args), op


def test_every_string_attribute_of_an_op_that_runs_is_reviewed_or_ruled():
    run = [sys.executable, str(ROOT / "scripts" / "op_safety.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_an_op_without_a_decision_is_refused_and_proposed(monkeypatch, capsys):
    known = dict(op_safety._class_by_op())
    del known["Abs"], known["VarHandleOp"]
    monkeypatch.setattr(op_safety, "_class_by_op", lambda: known)
    assert op_safety.class_of("Abs") is op_safety.UNKNOWN
    spec = importlib.util.spec_from_file_location("proposing", ROOT / "scripts" / "op_safety.py")
    proposing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(proposing)
    lines = list(proposing.proposals())
    assert "Abs: pure?" in lines
    assert any(line.startswith("VarHandleOp: not pure: stateful") for line in lines)


@pytest.mark.parametrize(
    ("made", "attribute"),
    [
        (node("p", "PrintV2", "x", output_stream=b"stderr"), ""),
        (node("p", "PrintV2", "x", output_stream=b"log(info)"), ""),
        (node("p", "PrintV2", "x"), ""),
        (node("p", "PrintV2", "x", output_stream=b"file:///tmp/x"), "output_stream"),
        (node("p", "PrintV2", "x", output_stream=b"anything"), "output_stream"),
        (node("p", "PrintV2", "x", output_stream=AttrValue(placeholder="s")), "output_stream"),
        (node("d", "DecodeProtoV2", "x", descriptor_source=b"local://"), ""),
        (node("d", "DecodeProtoV2", "x", descriptor_source=b"bytes://abc"), ""),
        (node("d", "EncodeProto", "x", descriptor_source=b"/etc/passwd"), "descriptor_source"),
        (node("t", "ParseTensor", "x", out_type=tensors.RESOURCE), "out_type"),
        (node("t", "ParseTensor", "x", out_type=tensors.FLOAT), ""),
        (const("c", 1.0), ""),
    ],
)
def test_attributes_decide(made, attribute):
    ruled = ruling(made)
    assert ruled.attribute == attribute
    assert (ruled.severity == "block") == bool(attribute)


def test_a_handle_in_a_constant_is_refused():
    held = const("c", 1.0)
    held.attr["value"].tensor.dtype = tensors.VARIANT
    item = held.attr["value"].tensor.variant_val.add(type_name="tensorflow::TensorList")
    assert not ruling(held).severity
    item.tensors.add(dtype=tensors.RESOURCE)
    assert ruling(held).attribute == "value"
    del item.tensors[:]
    item.type_name = "tensorflow::Iterator"
    assert ruling(held).attribute == "value"


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


def test_the_table_of_the_docs_counts_all_ops():
    text = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (\d+) \|", text, re.M)
    documented = {}
    for names, count in rows:
        classes = re.findall(r"`(\w+)`", names)
        assert sum(len(sections()[name]) for name in classes) == int(count), names
        documented |= dict.fromkeys(classes)
    assert set(documented) == set(CLASSES)


def test_describe_tells_of_what_an_attribute_decides(tmp_path):
    graph = of(
        [
            const("text", "text"),
            node("plain", "PrintV2", "text"),
            node("wrong", "PrintV2", "text", output_stream=b"file:///tmp/x"),
        ],
        function("f", {}, [node("p", "PrintV2", "t", output_stream=b"file:///tmp/y")], {}),
    )
    (tmp_path / "model.pb").write_bytes(graph.SerializeToString())
    facts = inspector.describe(inspector.open_model(tmp_path / "model.pb")).to_dict()
    rows = [(row["op"], row["count"], row["severity"]) for row in facts["flagged_ops"]]
    assert rows == [("PrintV2", 2, "block"), ("PrintV2", 1, "warn")]

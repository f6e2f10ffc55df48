"""Messages, cut anywhere, come together again; what breaks the rules is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.jobs import protocol

names = st.text(min_size=1, max_size=8)


@given(
    blobs=st.dictionaries(names, st.binary(max_size=40), max_size=4),
    value=st.dictionaries(names, st.integers() | st.text() | st.none(), max_size=4),
    cuts=st.lists(st.integers(1, 30)),
)
def test_what_is_sent_arrives(blobs, value, cuts):
    data = b"".join(protocol.with_blobs(protocol.VALUE, {"value": value}, blobs))
    reader = protocol.Reader(json_bytes=10_000, total_bytes=20_000)
    frames = []
    while data:
        size = cuts.pop() if cuts else len(data)
        frames += reader.feed(data[:size])
        data = data[size:]
    assert not reader.midway
    answer = protocol.parse(frames[0].body)
    announced = protocol.announced_blobs(answer)
    assert answer == {"value": value}
    assert {
        name: frame.body for (name, _), frame in zip(announced, frames[1:], strict=True)
    } == blobs


def test_a_message_is_refused_by_its_head_before_its_body_comes():
    reader = protocol.Reader(json_bytes=100, total_bytes=1000)
    with pytest.raises(protocol.WireError, match="larger"):
        reader.feed(protocol.frame(protocol.VALUE, bytes(101))[0])


def test_all_messages_together_have_a_limit():
    reader = protocol.Reader(json_bytes=100, total_bytes=250)
    message = b"".join(protocol.frame(protocol.PROGRESS, bytes(100)))
    reader.feed(message * 2)
    with pytest.raises(protocol.WireError, match="larger"):
        reader.feed(message)


@pytest.mark.parametrize(
    "blobs",
    [3, ["a"], [["a"]], [["a", "b"]], [["a", -1]], [[1, 1]], [["a", 1], ["a", 2]], [["a", 1, 2]]],
)
def test_a_malformed_list_of_blobs_is_refused(blobs):
    with pytest.raises(protocol.WireError):
        protocol.announced_blobs({"blobs": blobs})


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"\xff", b"{", b"[" * 100_000, b"9" * 10_000])
def test_what_is_not_a_json_object_is_refused(body):
    with pytest.raises(protocol.WireError):
        protocol.parse(body)

"""Feeds of graphs with thousands of inputs, which may share all of their readers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from inspector.errors import LimitExceeded
from inspector.optimisation import check_feeds, feed_roles, feeds
from inspector.optimisation.feeds import Slot
from tests.passes.text import graph

ONE = " ; p{0} = Placeholder(dtype=string, shape=[]) ; i{0} = Identity(p{0}, T=string)"
ONE += " ; j{0} = Identity(i{0}, T=string) ; d{0} = DecodePng(j{0})"


def test_the_more_inputs_the_fewer_readers_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(map(ONE.format, range(2)))[3:]
    slots = check_feeds.slots_to_feed(graph(text), [], ["d0", "d1"])
    assert [slot.role.content is None for slot in slots.values()] == [False, False]
    monkeypatch.setattr(feed_roles, "_ALL_READS", 4)
    monkeypatch.setattr(feed_roles, "_FEW_READS", 1)
    slots = check_feeds.slots_to_feed(graph(text), [], ["d0", "d1"])
    assert [slot.role.content is None for slot in slots.values()] == [False, True]


@pytest.mark.parametrize("make", [feeds.random_feeds, feeds.range_feeds])
def test_many_large_inputs_are_refused_together(
    make: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "MAX_BYTES", 1_000)
    slots = [Slot(f"x{at}", "float32", [100]) for at in range(3)]
    make(slots[:2], 1)
    with pytest.raises(LimitExceeded, match="x2"):
        make(slots, 1)

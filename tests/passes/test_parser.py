"""The tool's grammar: what it accepts, what it refuses, and in which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import TransformSyntaxError
from inspector.passes.parser import Call, format_calls, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\n\v ", []),
        ("a", [Call("a")]),
        ("a b", [Call("a"), Call("b")]),
        ("a()b", [Call("a"), Call("b")]),
        ("a(x=1)b", [Call("a", (("x", "1"),)), Call("b")]),
        ("a(x=1, y=2)", [Call("a", (("x", "1"), ("y", "2")))]),
        ("a(x=1,y=2)", [Call("a", (("x", "1"), ("y", "2")))]),
        ("a(x=1 y=2)", [Call("a", (("x", "1"), ("y", "2")))]),
        ("a(x=1\n\ty=2)", [Call("a", (("x", "1"), ("y", "2")))]),
        ("a( x=1)", [Call("a", (("x", "1"),))]),
        ("a(,x=1)", [Call("a", (("x", "1"),))]),
        ("a(x=1x2)", [Call("a", (("x", "1x2"),))]),
        ("a(x=1, x=2)", [Call("a", (("x", "1"), ("x", "2")))]),
        ('a(d="/cpu:0")', [Call("a", (("d", "/cpu:0"),))]),
        ('a(d="1,2", op="A|B")', [Call("a", (("d", "1,2"), ("op", "A|B")))]),
        ('a(d="")', [Call("a", (("d", ""),))]),
        (r'a(d="a\"b")', [Call("a", (("d", r"a\"b"),))]),
        ('a(d="b\nc")', [Call("a", (("d", "b\nc"),))]),
        ("a(d=b\"', e=c)", [Call("a", (("d", "b"), ("e", "c")))]),
        ('a(d=b")', [Call("a", (("d", "b"),))]),
        ("a(d=b')", [Call("a", (("d", "b"),))]),
        ('a(d="b"")', [Call("a", (("d", "b"),))]),
        ('a(d="b"e=c)', [Call("a", (("d", "b"), ("e", "c")))]),
        ("a(p=/tmp/x-y_z.pb)", [Call("a", (("p", "/tmp/x-y_z.pb"),))]),
        ("123", [Call("123")]),
    ],
)
def test_what_the_tool_accepts(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b", "Looking for transform name, but found ,b"),
        ("a (x=1)", "Looking for transform name, but found (x=1)"),
        (")", "Looking for transform name, but found )"),
        ("ä", "Looking for transform name, but found ä"),
        ("a(x=1 ,y=2)", "Looking for parameter name, but found ,y=2)"),
        ("a(x=1,,y=2)", "Looking for parameter name, but found ,y=2)"),
        ("a(x=1,)", "Looking for parameter name, but found )"),
        ("a(x=1 )", "Looking for parameter name, but found )"),
        ("a( )", "Looking for parameter name, but found )"),
        ("a(x =1)", "Looking for =, but found  =1)"),
        ("a(x= 1)", "Looking for parameter name, but found  1)"),
        ("a(x=)", "Looking for parameter name, but found )"),
        ("a(x=", "Looking for parameter name, but found the end"),
        ("a(x)", "Looking for =, but found )"),
        ('a(x="b)', "Looking for parameter name, but found b)"),
        (r'a(x="b\")', r"Looking for parameter name, but found b\")"),
        ("a(x='b')", "Looking for parameter name, but found 'b')"),
        ("a(x=é)", "Looking for parameter name, but found é)"),
        ("a(x=1''y=2)", "Looking for parameter name, but found 'y=2)"),
        ("a(", "the ')' that ends it is missing"),
        ("b a(x=1", "a: the ')' that ends it is missing"),
    ],
)
def test_what_it_refuses(text, message):
    with pytest.raises(TransformSyntaxError) as caught:
        parse(text)
    assert " ".join(message.split()) in str(caught.value)


def test_a_long_rest_is_cut_short():
    with pytest.raises(TransformSyntaxError) as caught:
        parse("," + "x" * 100_000)
    assert len(str(caught.value)) < 200


NAMES = st.from_regex(r"[A-Za-z0-9_]+", fullmatch=True)
VALUES = st.from_regex(r'([^"\\]|\\.)*', fullmatch=True)
CALLS = st.builds(Call, NAMES, st.lists(st.tuples(NAMES, VALUES), max_size=4).map(tuple))


@given(st.lists(CALLS, max_size=4))
def test_what_is_written_is_read_back(calls):
    assert parse(format_calls(calls)) == calls


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        calls = parse(text)
    except TransformSyntaxError:
        return
    assert parse(format_calls(calls)) == calls


@pytest.mark.parametrize("value", ['"', "a\\", 'x"y'])
def test_what_cannot_be_written_is_refused(value):
    with pytest.raises(TransformSyntaxError):
        format_calls([Call("a", (("x", value),))])


def test_a_call_knows_its_values():
    (call,) = parse("a(x=1, y=2, x=3)")
    assert call.values("x") == ["1", "3"]
    assert str(call) == "a(x=1, y=2, x=3)"

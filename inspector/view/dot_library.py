"""Graphviz from pygraphviz's wheel, as a program: DOT on standard input, json0 on standard output.

Run by file name, never imported: a library call cannot be stopped, a process can. Arguments of
the form ``-Gname=value`` set graph attributes, as ``dot`` has them.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Lay out one graph."""
    import pygraphviz

    graph = pygraphviz.AGraph(string=sys.stdin.read())
    for flag in sys.argv[1:]:
        name, _, value = flag.removeprefix("-G").partition("=")
        graph.graph_attr[name] = value
    sys.stdout.buffer.write(graph.draw(format="json0", prog="dot"))


if __name__ == "__main__":
    main()

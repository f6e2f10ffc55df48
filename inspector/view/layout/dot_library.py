"""Graphviz from pygraphviz's wheel, as a program: DOT on standard input, a picture on the output.

Run by file name, never imported: a library call cannot be stopped, a process can. Of the arguments
of ``dot`` it takes ``-Kengine``, ``-Tformat`` and ``-Gname=value``.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Lay out one graph, or draw it."""
    import pygraphviz

    graph = pygraphviz.AGraph(string=sys.stdin.read())
    engine, format = "dot", "json0"
    for flag in sys.argv[1:]:
        if flag.startswith("-G"):
            name, _, value = flag.removeprefix("-G").partition("=")
            graph.graph_attr[name] = value
        elif flag.startswith("-K"):
            engine = flag[2:]
        elif flag.startswith("-T"):
            format = flag[2:]
    sys.stdout.buffer.write(graph.draw(format=format, prog=engine))


if __name__ == "__main__":
    main()

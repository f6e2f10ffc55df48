"""Commands that run something: the app, a prediction."""

from __future__ import annotations

from pathlib import Path

import click

from inspector import api
from inspector.cli import run_outputs
from inspector.cli.options import (
    FORCE,
    INIT_OP,
    JSON,
    MODEL,
    SIGNATURE,
    TAG_SET,
    TIMEOUT,
    Names,
    Out,
)
from inspector.cli.output import open_model, progress_line, show
from inspector.files import storing


@click.command()
@click.argument("model", required=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="8501, or the next free one.")
@click.option("--no-browser", is_flag=True, help="Do not open the browser.")
def app(model: str | None, host: str, port: int | None, no_browser: bool) -> None:
    """Start the web app, on MODEL when given."""
    from inspector.ui.server import serve

    serve.serve(model, host=host, port=port, open_browser=not no_browser)


@click.command()
@MODEL
@TAG_SET
@SIGNATURE
@click.option(
    "--feeds", "feed_file", metavar="FILE.npz", help="Keys: input keys, tensors or nodes."
)
@click.option("--fetches", type=Names(), metavar="A:0,B:0", help="In place of the signature's.")
@INIT_OP
@click.option("-o", "--out", type=Out(), help="Write the answers as .npz.")
@TIMEOUT
@FORCE
@JSON
def predict(
    model: str,
    tag_set: list[str] | None,
    signature: str | None,
    feed_file: str | None,
    fetches: list[str] | None,
    init_op: str | None,
    out: Path | None,
    timeout: float | None,
    force: bool,
    as_json: bool,
) -> None:
    """Run the model once."""
    if out is not None:
        storing.check_output(out, force=force)
    opened = open_model(model, tag_set)
    feeds = api.read_feeds(feed_file, opened) if feed_file is not None else {}
    with progress_line() as progress:
        run = api.predict(
            opened,
            feeds,
            fetches or None,
            signature,
            init_op=init_op,
            progress=progress,
            timeout=timeout,
        )
    if out is not None:
        run_outputs.write_arrays(run.outputs, out, force=force)
    answer = {
        "outputs": run_outputs.as_json(run.outputs),
        "run_ms": run.run_ms,
        "signature": run.signature,
    }
    show(answer, as_json, lambda: run_outputs.as_text(run.outputs))

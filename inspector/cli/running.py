"""Commands that run something: the app, a prediction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from inspector import api
from inspector.cli import completion, run_outputs
from inspector.cli.options import (
    FEEDS,
    FORCE,
    INIT_OP,
    JSON,
    MODEL,
    SIGNATURE,
    TAG_SET,
    TIMEOUT,
    Names,
)
from inspector.cli.output import (
    check_output,
    check_stdout,
    new_file,
    open_model,
    progress_line,
    show,
)
from inspector.cli.path_options import STDOUT, In, ModelPath, Out
from inspector.printing import outputs_text


@click.command()
@click.argument("model", required=False, type=ModelPath())
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
    "--feeds",
    "feed_file",
    type=In(),
    metavar=f"{FEEDS}|.png|.jpg",
    help=".npz or .json with keys of inputs, tensors or nodes; .csv whose first row has them; or a "
    "picture, .png or .jpg.",
)
@click.option(
    "--picture-fit",
    type=click.Choice(["stretch", "crop", "pad"]),
    default="stretch",
    show_default=True,
    help="How a picture of --feeds gets the input's size.",
)
@click.option(
    "--picture-scale",
    type=click.Choice(["unit", "symmetric", "raw", "torch", "caffe"]),
    help="Its pixels: 0 to 1 (the default for floats), -1 to 1, 0 to 255, or as Keras names it.",
)
@click.option(
    "--template",
    type=Out(stdout=True),
    metavar="FILE",
    help="Write an .npz or .csv of feeds to fill in (-: .csv on standard output); run nothing.",
)
@click.option(
    "--class-names",
    type=In(),
    metavar="FILE",
    help="Names of the classes, one per line; by default those that the model carries.",
)
@click.option(
    "--fetches",
    type=Names(),
    metavar="A:0,B:0",
    shell_complete=completion.nodes,
    help="In place of the signature's.",
)
@INIT_OP
@click.option(
    "-o",
    "--out",
    type=Out(stdout=True),
    help="Write the answers as .npz or .csv; - is .npz on standard output.",
)
@TIMEOUT
@FORCE
@JSON
def predict(
    model: str,
    tag_set: list[str] | None,
    signature: str | None,
    feed_file: str | None,
    picture_fit: str,
    picture_scale: str | None,
    template: Path | None,
    class_names: str | None,
    fetches: list[str] | None,
    init_op: str | None,
    out: Path | None,
    timeout: float | None,
    force: bool,
    as_json: bool,
) -> None:
    """Run the model once."""
    check_stdout(out, template, as_json=as_json)
    for path in filter(None, (out, template)):
        check_output(path, force=force)
    opened = open_model(model, tag_set)
    if template is not None:
        suffix = ".csv" if template == STDOUT else template.suffix.lower()
        data = api.feed_template(opened, suffix, signature)
        with new_file(template, force=force) as temporary:
            temporary.write_bytes(data)
        return
    feeds: dict[str, Any] = {}
    if feed_file is not None:
        feeds = api.read_feeds(
            feed_file,
            opened,
            signature=signature,
            fit=picture_fit,
            scale=picture_scale,
        )
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
    if out == STDOUT:
        return
    top = api.top_classes(opened, run.outputs, class_names)
    show(run.to_dict(top), as_json, lambda: outputs_text.as_text(run.outputs, top))

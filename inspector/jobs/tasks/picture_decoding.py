"""The task that decodes pictures to feed, in a process that an evil one may take over."""

from __future__ import annotations

from inspector.jobs import packing
from inspector.jobs.tasks.picture_types import PicturesAnswer, PicturesArgs
from inspector.jobs.worker import JobContext, TaskResult
from inspector.optimisation.feed_source import picture_blob
from inspector.optimisation.feeding import feed_images
from inspector.optimisation.feeds import Slot


def decode(args: PicturesArgs, job: JobContext) -> TaskResult:
    """Pictures as the array that an input takes. Blobs: see `picture_blob`; answer: ``feeds``."""
    slot = Slot(args["key"], args["dtype"], args["shape"])
    names = args["pictures"]["names"]
    data = [job.blobs[picture_blob(0, number)] for number in range(len(names))]
    array = feed_images.from_pictures(data, args["pictures"], slot)
    value: PicturesAnswer = {"shape": list(array.shape)}
    return TaskResult(value, {"feeds": packing.pack({slot.key: array})})

"""What the Dask workers of the tests load: their runner knows the tasks of the tests as well."""

from __future__ import annotations

import functools

from inspector.jobs.cluster import remote_task
from inspector.jobs.forkserver import TemplateSpec
from inspector.jobs.requests import REQUESTS
from inspector.jobs.runner import LIGHT, TENSORFLOW, LocalRunner, default_templates
from tests.jobs.cluster.tasks import HERE, TASKS

ALL = {**REQUESTS, **TASKS}


@functools.cache
def worker_runner() -> LocalRunner:
    templates = {
        LIGHT: TemplateSpec(LIGHT, ("numpy", HERE)),
        TENSORFLOW: default_templates(REQUESTS)[TENSORFLOW],
    }
    return LocalRunner(requests=ALL, max_jobs=2, templates=templates)


remote_task.worker_runner = worker_runner

"""The runner of this process: on this machine, or on the cluster that the operator has named."""

from __future__ import annotations

import atexit
import functools

from inspector import settings
from inspector.jobs.runner import LocalRunner
from inspector.jobs.store.workspace import Workspace

_STORE = "cluster"
"""The folder of the workspace that is shared where no other place is set."""


@functools.cache
def default_runner() -> LocalRunner:
    """The runner of this process, for the library, the command line and the app.

    It starts what a job needs when the first one comes. With `settings.SCHEDULER` it hands jobs to
    that Dask scheduler.

    Raises: MissingPackage, InspectorError, WorkspaceError for a cluster that cannot be used.
    """
    runner = _on_cluster(address) if (address := settings.SCHEDULER()) else LocalRunner()
    atexit.register(runner.shutdown, wait=False)
    return runner


def _on_cluster(address: str) -> LocalRunner:
    from inspector.jobs.cluster.cluster_runner import ClusterRunner
    from inspector.jobs.cluster.dispatch import Cluster
    from inspector.jobs.cluster.shared_store import SharedStore

    workspace = Workspace()
    store = SharedStore(settings.SHARED_STORE.text or str(workspace.root / _STORE))
    return ClusterRunner(Cluster(address, store), workspace)

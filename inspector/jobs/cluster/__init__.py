"""Jobs on other machines: a Dask cluster hands them out, the runner of each machine runs them."""

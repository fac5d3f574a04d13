"""The daily job under Prefect: the steps as Prefect tasks, and the flows that call them.

The steps themselves are in `pipeline.job`; this package adds names, retries and Prefect artifacts.
`parameters` and `runners` import Prefect only when a flow runs, the other modules when they are imported.
"""

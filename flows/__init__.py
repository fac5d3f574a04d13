"""The daily job under Prefect: decorated twins of the steps, and flows that compose them.

What a step does stands in `pipeline`; here stand its name, its retries and what the Prefect UI shows.
`parameters` and `runners` import Prefect only when a flow runs, the other modules import it at once.
"""

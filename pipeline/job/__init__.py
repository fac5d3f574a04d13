"""The daily job: what is due, the steps in order, and the days that were missed."""

"""The documentation: `python -m tests.documents` writes its generated pages, and tests hold all of it."""

"""Start TensorFlow once per process, deterministically and without its log messages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from pipeline.timings import timed
from pipeline.types import Work


@lru_cache(maxsize=1)
@timed(Work.IMPORT)
def start_tensorflow() -> None:
    """Import TensorFlow and set it to deterministic operations on one thread.

    Small networks gain nothing from more threads, and one thread keeps the order of sums fixed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _native_stderr_closed():
        import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        return  # TensorFlow has been initialised by the host application, whose threads are kept.


@contextmanager
def _native_stderr_closed() -> Iterator[None]:
    """Redirect file descriptor 2: TensorFlow's libraries write to it before any setting takes effect."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

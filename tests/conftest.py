"""Loaded before every test module.

curl_cffi must come before TensorFlow: the libraries that TensorFlow brings along shadow curl's own otherwise,
and no request gets out. The daily job keeps that order by itself, as it opens its source before it trains.
"""

import curl_cffi  # noqa: F401
from hypothesis import settings

from tests.properties import FIXED

settings.load_profile(FIXED)

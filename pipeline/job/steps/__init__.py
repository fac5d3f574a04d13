"""The steps of the daily job, each a plain function of a `Job` and an asset, each its own transactions.

A step that cannot do its work for an asset raises an `AssetError`, or reports a `Failure` for one of the
asset's models; what other assets and models have stored stays.
"""

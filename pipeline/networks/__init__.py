"""The recurrent networks and their training; the only package that imports TensorFlow.

`parameters`, `names` and `start` import no TensorFlow. The other modules do, so they are imported inside
functions, after `start.start_tensorflow()`: `equations` is the reference implementation that tests compare
the layer in `fused` with, `architectures` and `stateful` build networks from `layers`, `training` fits them.
"""

"""TensorFlow's home: the networks, and how they are trained.

`parameters`, `names` and `start` can be imported by anybody. The rest imports TensorFlow when it is imported
itself, so others import it inside functions, after `start.start_tensorflow()`: `equations` is the reference
that the layer of `fused` is proven against, `architectures` and `stateful` put `layers` together, `training`
fits them.
"""

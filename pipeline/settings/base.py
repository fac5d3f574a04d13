"""The base of every settings class."""

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """Settings that cannot be changed, refuse unknown keys, and describe each key below its field."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

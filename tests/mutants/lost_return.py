"""An operator that cosmic-ray does not have: what a function returns is lost."""

import parso
from cosmic_ray.operators.operator import Example, Operator


class LostReturn(Operator):
    def mutation_positions(self, node):
        if isinstance(node, parso.python.tree.ReturnStmt) and len(node.children) > 1:
            value = node.children[1]
            if value.get_code().strip() != "None":
                yield (value.start_pos, value.end_pos)

    def mutate(self, node, index):
        node.children[1] = parso.parse(" None")
        return node

    @classmethod
    def examples(cls):
        return (Example("def f():\n    return 1", "def f():\n    return None"),)

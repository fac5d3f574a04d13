"""The commands of `pricecast`, a module for each kind; `cli` wires them.

They parse and print; what they do is done elsewhere. Modules import only typer before a command runs.
"""

"""The commands of `pricecast`, a module for each kind; `cli` puts them together.

They parse the command line and print; other packages do the work. Modules import only typer before a command runs.
"""

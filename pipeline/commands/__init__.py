"""The commands of `pricecast`, a module for each kind; `cli` puts them together.

They parse the command line and print; other packages do the work. Until a command runs, its module imports
nothing heavier than typer.
"""

"""``python -m instar`` is ``instar``."""

from instar.cli.main import main

main()

"""`python -m re2llm`: the command line, where its script is not on the path."""

from re2llm.cli import main

main()

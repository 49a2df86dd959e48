"""How the language model is asked, how its answers are read, and what they cost."""

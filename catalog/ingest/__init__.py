"""Reading a shop's data: one module per format, and what all formats go through."""

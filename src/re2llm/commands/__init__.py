"""The words of the command line, a few to a module; heavy imports wait inside them."""

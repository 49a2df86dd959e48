"""Items, sessions, dataset readers, candidate retrievers and the text encoder."""

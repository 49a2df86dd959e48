"""The offline stand-in: a chat model that reads its prompt and knows nothing else."""

"""Candidates for a session: several sources of evidence, fused, from arrays on disk."""

"""A conversation around the recommender."""

"""A session recommender that learns how to ask."""

"""How a shop talks to the recommender: HTTP, conversation and pages."""

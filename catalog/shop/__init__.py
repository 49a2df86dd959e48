"""A synthetic shop: goods, shoppers with intents, and their sessions, all made here."""

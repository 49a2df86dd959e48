"""Which hint helps which session: network, learners, rewards and saved policies."""

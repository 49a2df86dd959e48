"""The steps of a session's walk, one module each; collaborators arrive as Protocols."""

"""What flows between the steps, and in what order."""

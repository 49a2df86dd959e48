"""What a hint is, which hints may enter, and where they live."""

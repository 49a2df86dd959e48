"""Sequence models of what comes next: trained with torch, asked with numpy alone."""

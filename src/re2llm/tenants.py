"""What a tenant may be called: names that look alike must not be two."""

LONGEST = 64


def tenant_fault(name: str) -> str | None:
    """Say why a tenant cannot be called so, or None."""
    if not name or len(name) > LONGEST:
        return f"a tenant's name has 1 to {LONGEST} characters"
    if name != name.strip() or not name.isprintable():
        return "a tenant's name has no white space around it, no line ends and nothing invisible"
    return None

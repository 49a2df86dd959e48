"""The one error that every room may raise at a person."""


class UserError(Exception):
    """Something in the user's input or set-up is wrong; the message says what, and the mend."""

"""The errors that a reader can mend."""


class UserError(Exception):
    """Something its reader can mend: shown as one line, without a traceback."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} Hint: {hint}" if hint else message)

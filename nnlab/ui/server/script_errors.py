"""Where the exceptions of pages go. What shows them is imported with the pages, after the server has started."""


def on_script_error(error: Exception) -> bool:
    """As `nnlab.ui.shell.failure.show_failure`."""
    from nnlab.ui.shell.failure import show_failure

    return show_failure(error)

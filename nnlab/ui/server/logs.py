"""Streamlit's and uvicorn's logs go the way of nnlab's own, also those of loggers that they make later."""

from streamlit import logger as streamlit_logger
from uvicorn.config import LOGGING_CONFIG

from nnlab import logs
from nnlab.settings import settings


def set_up() -> None:
    """Call it before uvicorn is configured."""
    if settings().log != "json":
        return
    streamlit_logger.setup_formatter = logs.through_root  # it gives each of its loggers a handler
    LOGGING_CONFIG.clear()
    LOGGING_CONFIG.update(version=1, disable_existing_loggers=False)
    logs.set_up("web")

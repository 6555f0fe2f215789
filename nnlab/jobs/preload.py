"""Importing this imports what workers need: they are forked from a process that did so, see `nnlab.jobs.cluster`."""

import distributed  # noqa: F401

import nnlab.jobs.worker  # noqa: F401
from nnlab.engines.choice import read_ahead

read_ahead()

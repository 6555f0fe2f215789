"""Importing this starts the local workers, unless the settings say otherwise.

Every page imports it before anything else of nnlab: the workers take as long to start as the page takes to import the
rest."""

from nnlab.jobs.cluster import start_early

start_early()

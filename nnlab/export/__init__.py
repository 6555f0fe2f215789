"""Files to download: tables, charts, scripts, notebooks, weights; one module a format."""

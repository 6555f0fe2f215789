"""The Home page: presets as cards."""

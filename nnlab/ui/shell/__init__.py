"""The frame of every page: navigation, identity, language, theme."""

"""The body of this module is run by reentry.py's import."""
total = spin(120)  # noqa: F821 - set by the importer

"""The curation workbench: annotate, validate, review, export, train, verify."""

__version__ = "0.1.0"

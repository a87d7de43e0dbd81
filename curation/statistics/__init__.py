"""Figures with what they are worth: shares and agreement, each with its 95 % interval."""

"""The runs that pay for answers: what they would cost, where they ask, their workers, and what they report."""

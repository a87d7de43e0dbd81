"""Data sets on the Hub: what is in a repository, what differs from a release, and what a refusal means."""

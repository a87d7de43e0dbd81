"""The records: frozen Pydantic models that every other package speaks in. Imports nothing of ours."""

"""The review app's pages and components; they hold no logic of their own."""

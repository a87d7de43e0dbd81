"""What is put to a model: texts of prompts, questions and answers in words, and the words of others kept apart."""

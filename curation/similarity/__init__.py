"""What is nearly the same, among millions: texts, pictures, vectors; and what two data sets have in common."""

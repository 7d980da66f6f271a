"""The user's own Python: a model's parser, or rules on results, in a process of its own (or, trusted, in this one)."""

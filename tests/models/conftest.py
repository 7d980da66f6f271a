"""Networks for these tests and those in the folders below; pytest puts a conftest's own folder on the path."""

"""What parsers of the Azure DeepStream Accelerator import, and a machine without DeepStream does not have."""

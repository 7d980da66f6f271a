"""Results -> other people's messages: DeepStream full and minimal, the Azure DeepStream Accelerator's, and our own."""

"""Epochs, early stopping, checkpoints, transfer learning."""

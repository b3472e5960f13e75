"""What comes from the model before there were Applications: its format, and how it is loaded."""

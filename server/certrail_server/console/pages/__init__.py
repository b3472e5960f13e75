"""One module for each subject; each has a router."""

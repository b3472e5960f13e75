"""Services that others name: their addresses, and the probes that look at them."""

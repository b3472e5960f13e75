"""Checks that somebody controls a name, from here over the network: nothing is stored, everything has a limit."""

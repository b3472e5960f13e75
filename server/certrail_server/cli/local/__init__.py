"""Commands that work on the data of this machine, or run the processes that do."""

"""Pure rules: no I/O, no clock, no random numbers; `now` and ids are arguments."""

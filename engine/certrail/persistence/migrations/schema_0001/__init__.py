"""The tables of revision 0001, a module a room."""

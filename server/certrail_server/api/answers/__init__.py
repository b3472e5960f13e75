"""From rows to answers: what rows point to by id is named, by one statement a page."""

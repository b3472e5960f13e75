"""Approval policies, approval requests, votes, and the messages that ask for them."""

"""The floor: what a workflow costs on the same Temporal server and the same kind of database, without certrail.

One remote activity commits one row. A product on Temporal that does a transaction for each piece of work, in a workflow
of its own, cannot be faster than this.
"""

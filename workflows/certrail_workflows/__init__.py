"""Everything Temporal: flows, activities, the client and the worker."""

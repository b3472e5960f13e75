"""Everything Temporal: flows, activities, worker and client. Nothing else imports `temporalio`."""

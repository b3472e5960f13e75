"""Forms of the console that are one operation of the API each: a page that asks, and the same call when it is sent.

An `Operation` names the operation of the API, its permission and its model. Controls come from the schema of the model,
and of a plugin where there is one; what is wrong is said at the control that it is about. What an object is changed
from is in the form: what somebody else changed meanwhile is never overwritten, it is shown.
"""

from certrail_server.console.operations import (
    application,
    authorities,
    enrollment,
    notifying,
    people,
    product,
)
from certrail_server.console.operations.serving import router_of

OPERATIONS = (
    *application.OPERATIONS,
    *notifying.OPERATIONS,
    *enrollment.OPERATIONS,
    *product.OPERATIONS,
    *authorities.OPERATIONS,
    *people.OPERATIONS,
)
router = router_of(OPERATIONS)

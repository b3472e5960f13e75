"""Calls: alerts.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.calls import PREFIX, Call, PagedCall, path_of, scoped
from certrail_client.models.alerts import (
    AcknowledgeIn,
    AlertChangeIn,
    AlertIn,
    AlertList,
    AlertOut,
    IncidentList,
    IncidentOut,
)


def get_incident(incident_id: str) -> Call[IncidentOut]:
    """One incident."""
    path = path_of(PREFIX + "/incidents/{incident_id}", incident_id=incident_id)
    return Call("GET", path, IncidentOut)


def acknowledge_incident(incident_id: str, body: AcknowledgeIn) -> Call[IncidentOut]:
    """Acknowledge an incident: nobody else is notified from now on."""
    path = path_of(PREFIX + "/incidents/{incident_id}/acknowledge", incident_id=incident_id)
    return Call("POST", path, IncidentOut, body=body)


def list_alerts(application: str | None) -> PagedCall[AlertList, AlertOut]:
    """The alerts of an Application, by slug."""
    path = scoped(application, "/alerts")
    return PagedCall("GET", path, AlertList, position="cursor")


def create_alert(application: str | None, body: AlertIn) -> Call[AlertOut]:
    """Create an alert."""
    path = scoped(application, "/alerts")
    return Call("POST", path, AlertOut, body=body, idempotent=True)


def get_alert(application: str | None, alert: str) -> Call[AlertOut]:
    """One alert."""
    path = scoped(application, "/alerts/{alert}", alert=alert)
    return Call("GET", path, AlertOut)


def update_alert(application: str | None, alert: str, body: AlertChangeIn) -> Call[AlertOut]:
    """Change an alert, or switch it off and on."""
    path = scoped(application, "/alerts/{alert}", alert=alert)
    return Call("PATCH", path, AlertOut, body=body)


def delete_alert(application: str | None, alert: str) -> Call[None]:
    """Delete an alert."""
    path = scoped(application, "/alerts/{alert}", alert=alert)
    return Call("DELETE", path, type(None))


def list_incidents(
    application: str | None,
    *,
    closed: bool | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> PagedCall[IncidentList, IncidentOut]:
    """The incidents that are open, or those that are resolved; newest first."""
    path = scoped(application, "/incidents")
    return PagedCall(
        "GET",
        path,
        IncidentList,
        query={"closed": closed, "cursor": cursor, "limit": limit},
        position="cursor",
    )

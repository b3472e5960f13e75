"""Renewal and revocation of certificates."""

from datetime import datetime
from typing import Any

from pydantic import Field

from certrail.domain.renewal import RenewalOverride, RenewalWait
from certrail.pki.revocation import Reason
from certrail_server.api import samples
from certrail_server.api.schemas.base import CsrPem, Id, In, Metadata, Out, examples


class RenewalIn(In):
    """How to renew a certificate. Metadata that is left out is kept, null clears it."""

    model_config = examples({"same_key": True, "metadata": {"team": "payments"}}, {"csr": samples.CSR})

    csr: CsrPem | None = Field(
        default=None, description="PKCS#10, PEM, of the new key, when the requester keeps it."
    )
    same_key: bool = Field(default=False, description="Keep the private key instead of making a new one.")
    metadata: Metadata | None = Field(default=None, description="New metadata; left out, it stays.")

    def changes(self) -> dict[str, Any]:
        """What replaces the values of the present certificate."""
        return {"attributes": self.metadata} if "metadata" in self.model_fields_set else {}


class RevocationIn(In):
    """Why a certificate is revoked."""

    model_config = examples({"reason": "superseded"})

    reason: Reason = Field(
        default=Reason.UNSPECIFIED,
        description="Reason code (RFC 5280 section 5.3.1); `certificateHold` until it is released.",
    )


class RenewalPlanIn(In):
    """Whether a certificate is renewed automatically, and when."""

    model_config = examples(
        {"auto_renew": True, "renewal_override": {"before": "20d"}},
        {"auto_renew": None, "renewal_override": {"fraction": 0.5}},
    )

    auto_renew: bool | None = Field(description="Null leaves it to the rule of its profile.")
    renewal_override: RenewalOverride | None = Field(
        default=None, description="When, instead of what the rule says; null leaves it to the rule."
    )


class RenewalPlanOut(Out):
    """When a certificate is renewed automatically and why then, or why it is not."""

    auto_renew: bool | None = Field(
        default=None, description="What was set for this lineage; null: the rule of its profile."
    )
    renewal_override: RenewalOverride | None = Field(
        default=None, description="When, as set for this lineage; null: the rule of its profile."
    )
    renew_at: datetime | None = Field(description="When it is renewed; null if it is not.")
    suggested_at: datetime | None = Field(
        default=None,
        description="When the holder of the key should renew it, where certrail does not hold that: by the same rule,"
        " spread, windows and advice; in the past if that was missed.",
    )
    superseded_by: Id | None = Field(
        default=None, description="Id of the present certificate of the lineage, where that is another one."
    )
    off: str | None = Field(default=None, description="Why it is not renewed automatically.")
    inputs: list[str] = Field(
        default_factory=list, description="How the time was chosen, step by step, in words."
    )
    needs_replan: bool = Field(default=False, description="Whether the time is about to be computed again.")
    late: bool = Field(default=False, description="Whether no permitted time comes before its end.")
    request: Id | None = Field(default=None, description="Id of the request that renews it now.")
    failures: int = Field(default=0, description="Failed attempts in a row.")
    error: str | None = Field(default=None, description="Why the last attempt failed.")
    failed_at: datetime | None = Field(default=None, description="When it failed.")
    waits_for: RenewalWait | None = Field(
        default=None, description="What its workflow waits for until `renew_at`; null while none is running."
    )

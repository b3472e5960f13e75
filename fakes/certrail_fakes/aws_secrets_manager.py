"""AWS Secrets Manager as its API reference describes it (docs.aws.amazon.com/secretsmanager/latest/apireference)."""

import random
import re
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from certrail_fakes.acm_auth import Caller
from certrail_fakes.acm_rules import Refusal
from certrail_fakes.aws_service import Body, Service, listed, tags_of

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
NAME = re.compile(r"[A-Za-z0-9/_+=.@-]+")
SUFFIX = string.ascii_letters + string.digits
DEFAULT_WINDOW, SHORTEST_WINDOW, LONGEST_WINDOW = 30, 7, 30


@dataclass
class Secret:
    """One secret: ``versions`` by id, ``stages`` by label, ``deleted`` from when on it may be destroyed."""

    arn: str
    name: str
    tags: dict[str, str]
    kms_key: str | None
    versions: dict[str, str] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    deleted: datetime | None = None

    @property
    def value(self) -> str:
        """What readers get."""
        return self.versions[self.stages[CURRENT]]

    def put(self, version: str, value: str) -> None:
        """Add a version and move the staging labels.

        Raises:
            Refusal: the version exists with another value.
        """
        if version in self.versions:
            if self.versions[version] != value:
                raise Refusal(
                    "ResourceExistsException", "You can't use ClientRequestToken for another value."
                )
            return
        self.versions[version] = value
        if CURRENT in self.stages:
            self.stages[PREVIOUS] = self.stages[CURRENT]
        self.stages[CURRENT] = version


class SecretsManager(Service):
    """Secrets by region and name. ``settings.secret_quota`` limits how many there may be."""

    name = "secretsmanager"
    invalid = "InvalidParameterException"
    writes = frozenset({"CreateSecret", "PutSecretValue", "DeleteSecret", "RestoreSecret"})

    def clear(self) -> None:
        """Forget all secrets."""
        self.secrets: dict[tuple[str, str], Secret] = {}

    def create_secret(self, given: Body, caller: Caller) -> Body:
        if "Tags" in given and "TagResource" in self.state.settings.denied_actions:
            raise Refusal(
                "AccessDeniedException",
                f"User: arn:aws:iam::{self.account_id}:user/u is not authorized to perform: "
                "secretsmanager:TagResource",
            )
        name, version, value = given["Name"], given.get("ClientRequestToken"), given.get("SecretString")
        if not NAME.fullmatch(name):
            raise Refusal("ValidationException", "Invalid name.")
        if version is None or value is None:
            raise Refusal("InvalidParameterException", "You must provide a ClientRequestToken value.")
        found = self.secrets.get((caller.region, name))
        if found is not None:
            return self._created_before(found, version, value)
        if len(self.secrets) >= self.state.settings.secret_quota:
            raise Refusal("LimitExceededException", "You've reached the maximum number of secrets.")
        suffix = "".join(random.choices(SUFFIX, k=6))
        arn = f"arn:aws:secretsmanager:{caller.region}:{self.account_id}:secret:{name}-{suffix}"
        secret = Secret(arn, name, tags_of(given), given.get("KmsKeyId"))
        secret.put(version, value)
        self.secrets[caller.region, name] = secret
        return {"ARN": arn, "Name": name, "VersionId": version}

    def describe_secret(self, given: Body, caller: Caller) -> Body:
        secret = self._secret(given, caller)
        labels: dict[str, list[str]] = {}
        for stage, version in secret.stages.items():
            labels.setdefault(version, []).append(stage)
        return {
            "ARN": secret.arn,
            "Name": secret.name,
            "Tags": listed(secret.tags),
            "VersionIdsToStages": labels,
        } | ({"DeletedDate": secret.deleted} if secret.deleted else {})

    def get_secret_value(self, given: Body, caller: Caller) -> Body:
        secret = self._living(given, caller)
        version = given.get("VersionId") or secret.stages.get(given.get("VersionStage", CURRENT))
        if version not in secret.versions:
            raise Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified version.")
        return {
            "ARN": secret.arn,
            "Name": secret.name,
            "VersionId": version,
            "SecretString": secret.versions[version],
            "VersionStages": [stage for stage, of in secret.stages.items() if of == version],
        }

    def put_secret_value(self, given: Body, caller: Caller) -> Body:
        secret, version = self._living(given, caller), given["ClientRequestToken"]
        secret.put(version, given["SecretString"])
        return {"ARN": secret.arn, "Name": secret.name, "VersionId": version}

    def tag_resource(self, given: Body, caller: Caller) -> None:
        self._living(given, caller).tags.update(tags_of(given))

    def delete_secret(self, given: Body, caller: Caller) -> Body:
        days, force = given.get("RecoveryWindowInDays"), given.get("ForceDeleteWithoutRecovery")
        if days is not None and (force or not SHORTEST_WINDOW <= days <= LONGEST_WINDOW):
            raise Refusal("InvalidParameterException", "RecoveryWindowInDays must be from 7 to 30, alone.")
        secret = self._living(given, caller)
        end = datetime.fromtimestamp(time.time(), UTC)
        if force:
            del self.secrets[caller.region, secret.name]
        else:
            end += timedelta(days=days or DEFAULT_WINDOW)
            secret.deleted = end
        return {"ARN": secret.arn, "Name": secret.name, "DeletionDate": end}

    def restore_secret(self, given: Body, caller: Caller) -> Body:
        secret = self._secret(given, caller)
        secret.deleted = None
        return {"ARN": secret.arn, "Name": secret.name}

    def _created_before(self, found: Secret, version: str, value: str) -> Body:
        if found.deleted:
            raise Refusal(
                "InvalidRequestException",
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            )
        if found.versions.get(version) != value:
            raise Refusal(
                "ResourceExistsException",
                f"The operation failed because the secret {found.name} already exists.",
            )
        return {"ARN": found.arn, "Name": found.name, "VersionId": version}

    def _secret(self, given: Mapping[str, Any], caller: Caller) -> Secret:
        wanted = given["SecretId"]
        if wanted.startswith("arn:") and wanted.split(":")[4] != self.account_id:
            raise Refusal("AccessDeniedException", f"No resource-based policy allows access to {wanted}")
        for (region, name), secret in self.secrets.items():
            if region == caller.region and wanted in (name, secret.arn):
                return secret
        raise Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")

    def _living(self, given: Mapping[str, Any], caller: Caller) -> Secret:
        secret = self._secret(given, caller)
        if secret.deleted:
            raise Refusal(
                "InvalidRequestException",
                "You can't perform this operation on the secret because it was marked for deletion.",
            )
        return secret

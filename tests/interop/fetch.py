"""Requests a certificate with the generated client and prints it; run by the interpreter that has this client."""

import os

from generated_client import AuthenticatedClient
from generated_client.api.certificate_requests import create_certificate_request, get_certificate_request
from generated_client.api.certificates import get_certificate
from generated_client.models import CertificateRequestIn, Sans


def main() -> None:
    client = AuthenticatedClient(
        base_url=os.environ["CERTRAIL_URL"],
        token=os.environ["CERTRAIL_TOKEN"],
        raise_on_unexpected_status=True,
        httpx_args={"trust_env": False},
    )
    with client:
        wanted = CertificateRequestIn(profile="web", sans=Sans(dns=["interop.example.com"]), ttl="10d")
        made = create_certificate_request.sync("app", client=client, body=wanted, idempotency_key="interop")
        decided = get_certificate_request.sync(made.id, client=client, wait=60)
        assert decided.status == "issued", decided
        print(get_certificate.sync(decided.certificate_id, client=client).pem)


if __name__ == "__main__":
    main()
